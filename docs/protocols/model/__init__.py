"""The witness rules as an explicit-state model: every order of events within the stated bounds, in plain Python."""
