"""The red team: whoever owns the coordinator tries everything, and each attempt fails closed with a stated reason."""
