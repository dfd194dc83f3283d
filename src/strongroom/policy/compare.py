"""Whether a new version of the policy only tightens the version in force."""

from __future__ import annotations

from typing import Any

from strongroom.policy.model import Policy

_BOUNDS = ("expires", "limits", "chains", "version")
_WITHOUT_AUTHORITY = ("coordinator",)  # its log key: whoever holds it can only delay


def tightens(old: Policy, new: Policy) -> bool:
    """True only for changes that plainly take away: an earlier end, lower or further limits, lower fee windows.

    Another coordinator gives and takes nothing.

    Everything else counts as loosening and waits out the cool-down: a wrong "no" costs a delay, a wrong "yes" money.
    """
    if _rest(old) != _rest(new) or new.expires > old.expires or old.chains.keys() != new.chains.keys():
        return False
    for chain, terms in old.chains.items():
        other = new.chains[chain]
        if (terms.confirmations, terms.native) != (other.confirmations, other.native):
            return False
        if terms.fee_window.window != other.fee_window.window or other.fee_window.maximum > terms.fee_window.maximum:
            return False
    kept = {limit.name: limit for limit in new.limits}
    for limit in old.limits:
        match = kept.get(limit.name)
        if match is None or match.window != limit.window or match.maximum > limit.maximum:
            return False
    return len(kept) == len(new.limits)


def _rest(policy: Policy) -> dict[str, Any]:
    return {key: value for key, value in policy.document.items() if key not in (*_BOUNDS, *_WITHOUT_AUTHORITY)}
