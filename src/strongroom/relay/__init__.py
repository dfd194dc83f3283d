"""Role: a relay of stops, outside the coordinator; it holds no key that moves funds and decides nothing."""
