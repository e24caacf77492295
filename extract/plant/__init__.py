"""From a program to a network that computes it: known truth for whatever claims to find programs in networks.

values    the finite set of values of every state variable, and what each update and output makes of them
circuit   units that fire on one combination of values and inputs; linear maps that read the variables off them
cells     the circuit as the weights of a recurrent cell
planted   the directory: network, program, and the alignment that is true by construction
"""

from extract.plant.planted import Planted, PlantOptions, plant

__all__ = ["PlantOptions", "Planted", "plant"]
