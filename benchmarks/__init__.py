"""Tasks, networks trained on them, and the programs that measure netlift on both."""
