"""Role: the coordinator. It sequences the log, relays, and drives transfers; it holds no key that moves funds."""
