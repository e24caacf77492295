"""From a network over single inputs to a function: its table, readings of that, and what the layers are made of."""
