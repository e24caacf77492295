"""The zoo: small trained networks, each with the recipe that reproduces it from its seed."""
