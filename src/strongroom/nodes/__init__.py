"""Clients of blockchain nodes: a node's answers are checked for form, and no signature depends on them."""

from __future__ import annotations
