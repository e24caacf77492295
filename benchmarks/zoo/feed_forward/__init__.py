"""Feed-forward networks of the zoo: recipes, and the program that trains them."""
