"""Other ways to do the same work: published figures, and methods that run beside ours through `benchmarks.entry`."""
