"""What the coordinator keeps: the log and its tree, notes, collected statements, signatures, the timeline."""
