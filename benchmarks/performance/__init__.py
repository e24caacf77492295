"""Performance measurements, each a module run with `python -m`; method of measurement in its docstring."""
