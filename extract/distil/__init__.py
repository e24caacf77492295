"""Distillers: from the whole table of a function to terms in closed form, and to what a hidden layer is made of."""
