"""Passkeys between a page and its server: what a browser is asked for, and what its answer is worth."""
