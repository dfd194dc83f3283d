"""Keccak-256, by the core."""

from __future__ import annotations

from strongroom._core import keccak256

__all__ = ["keccak256"]
