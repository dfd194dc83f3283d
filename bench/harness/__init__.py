"""Processes that a benchmark starts around the product's own parts; none of this is installed with it."""
