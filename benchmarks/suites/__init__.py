"""Benchmark tasks: what a network was asked to learn, as a sampler, a truth and a reference program."""
