"""The zoo: small trained recurrent networks, each with the recipe that reproduces it from its seed."""
