"""Node addresses: only plain http and https, and never shown with what could be a provider's key."""

from __future__ import annotations

import pytest

from strongroom.errors import InvalidInput
from strongroom.nodes.evm import EvmNode
from strongroom.nodes.jsonrpc import JsonRpc


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8545",
        "http://localhost:8545/",
        "https://node.example/v3/0123456789abcdef",
        "http://[::1]:8545",
    ],
)
def test_good_addresses(url: str) -> None:
    assert EvmNode(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8545",
        "ws://127.0.0.1:8545",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@127.0.0.1:8545",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://[::1",
        "http://127.0.0.1:8545/#fragment",
        "http://127.0.0.1:8545/ x",
        "http://127.0.0.1:8545/\n",
        "http://exämple.org",
    ],
)
def test_other_addresses_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        JsonRpc(url)
    assert caught.value.code == "node.url"
    assert "secret" not in str(caught.value)


def test_the_path_is_never_shown() -> None:
    node = EvmNode("https://node.example:8443/v3/provider-key?token=other-key")
    assert repr(node) == "EvmNode(https://node.example:8443)"
    assert repr(JsonRpc("http://[::1]:8545/key")) == "JsonRpc(http://[::1]:8545)"
