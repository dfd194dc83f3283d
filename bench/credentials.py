"""Statements verified a second, by the kind of key that signed them: what a replica does for each that it folds."""

from __future__ import annotations

from collections.abc import Callable

from bench.figures import Goal, Section, figure
from bench.measure import Bench, rates
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import verify_request
from strongroom.documents.statement import Statement, sign_statement, verify_statement
from tests.passkeys import SoftPasskey
from tests.tokens import SoftService

WORKSPACE, NOW = "ab" * 32, 1_790_000_000_000


def run(bench: Bench) -> Section:
    """Rates of whole envelopes on one core: parsed, read and verified, each another statement."""
    rounds, seconds = bench.sized(15, 3), 0.3 if not bench.quick else 0.05
    passkey, service = SoftPasskey("https://rooms.example", "rooms.example"), SoftService()
    plain = SigningKey.generate()

    def stated(key: SoftPasskey | SigningKey) -> Callable[[int], object]:
        envelopes = [
            sign_statement(_approval(key.key_id, index), key).to_doc()  # type: ignore[arg-type]
            for index in bench.each("signing", range(256), 256)
        ]

        def work(count: int) -> None:
            for index in range(count):
                verify_statement(Envelope.from_doc(envelopes[index % 256]), key.credential)

        return work

    bodies = [b'{"amount": "%d"}' % index for index in range(256)]
    requests = [service.request(body, WORKSPACE, NOW).to_doc() for body in bodies]

    def requested(count: int) -> None:
        for index in range(count):
            verify_request(Envelope.from_doc(requests[index % 256]), service.credential, WORKSPACE)

    def measured(what: str, work: Callable[[int], object]) -> list[float]:
        bench.progress(what)
        return rates(work, rounds, seconds)

    return Section(
        "credentials",
        "Statements and requests verified",
        (
            figure(
                "passkey (WebAuthn, ES256)", "1/s", measured("passkeys", stated(passkey)), goal=Goal(3_000, up=True),
                note="page, person, authenticator and signature; the statement read from its canonical bytes",
            ),
            figure("Ed25519, one by one", "1/s", measured("Ed25519", stated(plain)), note="the core does many at once"),
            figure("request (RS256, 2048 bits)", "1/s", measured("requests", requested), note="token, claims, body"),
        ),
    )  # fmt: skip


def _approval(key: str, index: int) -> Statement:
    subject = {"transfer": f"{index:064x}"}
    return Statement(WORKSPACE, "transfer.approve", subject, "cd" * 32, None, "alice", key, NOW)
