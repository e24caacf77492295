"""What is told of an extraction: to a terminal, to machines (JSON), to a browser (HTML), and as files that run."""
