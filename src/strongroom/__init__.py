"""Strongroom, a self-hosted custody platform whose append-only log decides what may be signed."""

from __future__ import annotations

__version__ = "0.1.0"
