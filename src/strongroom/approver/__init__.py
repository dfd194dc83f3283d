"""Role: a person's own machine, which replays the log and shows what is really asked."""
