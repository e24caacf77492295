"""The command `netlift`: one verb per question. Results go to stdout, progress to stderr.

Exit status: 0 proved or found, 1 refuted or not found, 2 could not run, 3 unknown, 130 interrupted.
"""

from extract.cli import insides, lifting, programs  # each registers its verbs
from extract.cli.app import app, main

__all__ = ["app", "insides", "lifting", "main", "programs"]
