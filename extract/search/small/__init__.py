"""The term with fewest operators for a small table of numbers: all small terms by enumeration, larger ones by joins."""
