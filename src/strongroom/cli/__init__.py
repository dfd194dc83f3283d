"""The command line: thin; it signs what people decide and shows what the log says."""
