"""Surface: the pages that the coordinator serves to people; no decisions."""
