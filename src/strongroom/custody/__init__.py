"""CustodyState: the pure fold over the log, and what it allows right now."""
