"""The REST API: bounded input, coded refusals, and the state shown as documents; no decisions."""
