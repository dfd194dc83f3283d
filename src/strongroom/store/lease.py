"""Leases with fencing tokens: who lost one cannot write any more, however late its transaction comes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select, update

from strongroom.errors import Refused, Waiting
from strongroom.store.database import Database
from strongroom.store.tables import LEASES


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim: its name, who holds it, and the token that grows with every new holder."""

    name: str
    holder: str
    token: int


_TOKEN = select(LEASES.c.token).where(LEASES.c.name == bindparam("lease"))


def acquire(database: Database, name: str, holder: str, now: int, ttl: int) -> Lease:
    """Take a lease that is free, expired, or this holder's own; raises Waiting lease.held (times in ms)."""
    with database.transaction() as connection:
        row = connection.execute(select(LEASES).where(LEASES.c.name == name).with_for_update()).first()
        if row is None:
            connection.execute(insert(LEASES).values(name=name, holder=holder, token=1, expires=now + ttl))
            return Lease(name, holder, 1)
        if row.holder != holder and row.expires > now:
            raise Waiting("lease.held", f"another process holds the lease '{name}'")
        token = int(row.token) + 1
        connection.execute(
            update(LEASES).where(LEASES.c.name == name).values(holder=holder, token=token, expires=now + ttl)
        )
        return Lease(name, holder, token)


def renew(database: Database, lease: Lease, now: int, ttl: int) -> None:
    """Hold a lease longer; raises Refused lease.lost."""
    with database.transaction() as connection:
        require(connection, lease)
        connection.execute(update(LEASES).where(LEASES.c.name == lease.name).values(expires=now + ttl))


def require(connection: Connection, lease: Lease) -> None:
    """Inside a transaction that writes: raises Refused lease.lost unless the token is still the newest."""
    token = connection.execute(_TOKEN, {"lease": lease.name}).scalar()
    if token != lease.token:
        raise Refused("lease.lost", f"another process took the lease '{lease.name}' over")
