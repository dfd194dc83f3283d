"""What the administrators may order as a key: allowed scheme and tier, a new name, enrolled signers, a threshold."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.custody.keys import check_order
from strongroom.errors import Refused
from tests.workspace import Workspace

ORDER = {
    "name": "second", "scheme": "ecdsa-dkls23", "tier": "hot", "participants": ["signer-1", "signer-2", "signer-3"],
    "threshold": 2, "epoch": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scheme": "ecdsa-of-tomorrow"}, "key.scheme"),
        ({"tier": "cold"}, "key.scheme"),
        ({"name": "hot-ecdsa"}, "key.exists"),
        ({"epoch": 1}, "key.exists"),
        ({"participants": ["guardian-1", "signer-1", "signer-2"]}, "key.participants"),
        ({"participants": ["signer-1", "signer-2", "signer-9"]}, "key.participants"),
        ({"participants": ["signer-2", "signer-1", "signer-3"]}, "key.participants"),
        ({"participants": ["signer-1", "signer-1", "signer-2"]}, "key.participants"),
        ({"threshold": 1}, "key.threshold"),
        ({"threshold": 3}, "key.threshold"),
        ({"participants": ["signer-1", "signer-2"]}, "key.threshold"),
    ],
)
def test_an_order_that_the_policy_cannot_hold_is_refused(change: dict[str, Any], code: str) -> None:
    home = Workspace().ready()
    check_order(home.state, ORDER)
    with pytest.raises(Refused) as raised:
        check_order(home.state, {**ORDER, **change})
    assert raised.value.code == code
