"""Figures: what is fast, against goals, peers and floors that are measured in the same run."""
