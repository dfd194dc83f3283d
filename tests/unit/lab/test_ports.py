"""Ports: kept while free, replaced when taken, never two the same."""

from __future__ import annotations

import socket

from strongroom.lab.ports import PREFERRED, choose, is_free


def listen(port: int = 0) -> socket.socket:
    """A server; as servers do, it takes a port whose last connections are still fading."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    return server


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with listen() as server:
        assert not is_free(server.getsockname()[1])


def test_free_ports_are_kept_and_taken_ones_replaced() -> None:
    first = choose({}, frozenset())
    assert first.keys() == PREFERRED.keys() and len(set(first.values())) == len(first)
    assert choose(first, frozenset()) == first
    with listen(first["api"]):
        moved = choose(first, frozenset())
        assert moved["api"] != first["api"] and (moved["chain"], moved["relay"]) == (first["chain"], first["relay"])
        assert choose(first, frozenset({"api"})) == first, "our own server may hold it"
