"""Causal evidence that a network works as a program says: what its variables are, and that they are used.

runs           network and program in lockstep on random words
alignment      decoder and encoder per variable, fitted on one half of the runs
interventions  values exchanged between runs of the other half; the program foretells the outputs
contrast       interventions of which two programs foretell different effects
assessment     all experiments on one alignment, and its score
decoys         alignments and programs that must fail
mechanism      all of it as one verdict, with thresholds calibrated on planted networks
"""
