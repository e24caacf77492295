"""From a network over single inputs to a function: its table, readings of the table, and what the layers are made of."""
