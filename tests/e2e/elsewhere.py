"""A page of somebody else, on another port of this machine: what it can make a visitor's browser do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FORM = """<!doctype html><title>Win a prize</title><form method="post" action="{action}">{fields}</form>
<script>document.forms[0].submit()</script>"""
FRAME = """<!doctype html><title>Win a prize</title><iframe src="{action}" width="800" height="600"></iframe>"""
ASSERTION = """async ([challenge, id]) => {
  const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
  const found = await navigator.credentials.get({publicKey: {
    rpId: "localhost", challenge: bytes(challenge), userVerification: "required",
    allowCredentials: [{type: "public-key", id: bytes(id)}]}});
  return {authenticator_data: text(found.response.authenticatorData), client_data: text(found.response.clientDataJSON),
          signature: text(found.response.signature)};
}"""
"""Asks the visitor's own passkey: the relying party is the same, for it knows no ports."""


@contextmanager
def page(html: str) -> Iterator[str]:
    """The address of a server on localhost whose every page is this one."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def form(action: str, **fields: str) -> str:
    """A page that posts a form to another place as soon as it is seen."""
    inputs = "".join(f"<input name='{name}' value='{json.dumps(value)[1:-1]}'>" for name, value in fields.items())
    return FORM.format(action=action, fields=inputs)
