"""Deterministic simulation: the production coordinator and nodes under one seed, in virtual time."""
