"""The coordinator's desk: everything that the stages of a transfer work with, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations

from strongroom.coordinator.archive import Archive
from strongroom.coordinator.chain import Chain
from strongroom.coordinator.config import Config
from strongroom.coordinator.funds import Funds
from strongroom.coordinator.peers import Peer, Peers
from strongroom.coordinator.ports import Clock, Transport
from strongroom.coordinator.sequencer import Sequencer
from strongroom.coordinator.sessions import Sessions
from strongroom.coordinator.timeline import Timeline
from strongroom.custody.moment import Moment
from strongroom.custody.state import CustodyState, ThresholdKey, Transfer, Wallet
from strongroom.custody.witnesses import electorates
from strongroom.documents.credentials import SigningKey
from strongroom.documents.names import ChainId
from strongroom.store.records import Records


@dataclass(slots=True)
class Desk:
    """Shared parts; nothing here decides whether money may move."""

    config: Config
    clock: Clock
    key: SigningKey
    transport: Transport
    peers: Peers
    sequencer: Sequencer
    sessions: Sessions
    records: Records
    timeline: Timeline
    funds: Funds
    archive: Archive
    chains: dict[ChainId, Chain]
    say: Callable[[str], None]

    @property
    def state(self) -> CustodyState:
        """The sequenced state, which may run ahead of the witnesses."""
        return self.sequencer.history.state

    @property
    def cosigned(self) -> CustodyState:
        """The state at the newest quorum-cosigned head."""
        return self.sequencer.history.cosigned

    @property
    def moment(self) -> Moment:
        """The time that an entry made now would carry."""
        return Moment.at(self.sequencer.next_time())

    def wallet_of(self, transfer: Transfer) -> Wallet:
        """The wallet that a transfer spends from."""
        return self.state.wallets[transfer.intent.wallet]

    def chain_of(self, wallet: Wallet) -> Chain | None:
        """The view of a wallet's chain, or None when no node of it is configured."""
        return self.chains.get(wallet.chain)

    def watch(self, wallet: Wallet) -> None:
        """Keep the balances of a wallet fresh."""
        chain, policy = self.chain_of(wallet), self.state.policy
        if chain is not None and policy is not None:
            assets = [a for a in policy.assets if a.startswith(f"{wallet.chain}/")]
            chain.watch(wallet.address, {*assets, policy.chains[wallet.chain].native})

    def available(self, key: ThresholdKey) -> list[Peer]:
        """The participants of a key that can join a session now: connected, rejoined, in their newest boot."""
        boots = self.cosigned.boots
        found = []
        for name in key.participants:
            boot = boots.get(name)
            if name in self.peers and boot is not None:
                peer = self.peers[name]
                if peer.connected and peer.rejoined and peer.boot == boot.boot:
                    found.append(peer)
        return found

    def probes(self, key: ThresholdKey) -> int:
        """The most possible probes that any signer of a key has counted with another, as last reported."""
        peers = [self.peers[name] for name in key.participants if name in self.peers]
        return max((one.used_with(key.name, other.name) for one, other in permutations(peers, 2)), default=0)

    def witnesses(self) -> tuple[int, int]:
        """How many witnesses can cosign now, and how many it takes: of the set that lacks most."""
        if self.state.policy is None:
            return 0, 1
        able = {peer.name for peer in self.peers.connected() if peer.rejoined}
        counts = [(len(able & each.witnesses.keys()), each.quorum) for each in electorates(self.state)]
        return min(counts, key=lambda count: count[0] - count[1])

    def quorums(self, key: ThresholdKey) -> str:
        """`quorum 1 of 2, witnesses 2 of 3`."""
        have, need = self.witnesses()
        return f"quorum {len(self.available(key))} of {key.threshold}, witnesses {have} of {need}"

    def quorum_missing(self, key: ThresholdKey) -> bool:
        """Whether signers or witnesses are too few."""
        have, need = self.witnesses()
        return have < need or len(self.available(key)) < key.threshold
