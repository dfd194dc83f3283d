"""Keccak-256 by a named backend, so that no environment variable chooses the implementation."""

from __future__ import annotations

from eth_hash.backends.pycryptodome import keccak256

__all__ = ["keccak256"]
