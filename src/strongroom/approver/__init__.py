"""The role of a person's own machine: it follows the log itself, and shows what is really being approved."""
