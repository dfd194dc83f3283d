"""The stages of a transfer, in order; the reconciler runs those that are due, and each may run twice."""

from __future__ import annotations

from strongroom.coordinator.stages import approve, broadcast, confirm, plan, propose, sign

STAGES = (propose, approve, plan, sign, broadcast, confirm)
"""propose and approve turn people's statements into entries; the others are driven by the reconciler."""
