"""The campaign: roles live for some seconds, die by kill -9 at a random moment or at a fault point, and start anew."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from strongroom.lab import processes, roles
from strongroom.lab.layout import Layout
from strongroom.lab.users import user_of
from tests.crash import dying
from tests.crash.stream import Stream

_CONNECTED: Final = b"connected to the relay"
READY: Final = {
    "coordinator": b"relay on ",
    "relay": b"relay of stops on ",
    "signer": _CONNECTED,
    "guardian": _CONNECTED,
}
"""What a role says once it is ready."""
MEAN_LIFE: Final = 2.5
AIMED_LIFE: Final = 6.0
"""How long a role lives once it is ready, on average at a random end, and at most with a fault point ahead of it.

In units of the time that its start took (at least a second): on a slow machine, too, most roles live at any moment.
"""
RELAY_LIFE: Final = 20.0
STARTING: Final = 0.1
"""The share of lives that end while the process is starting."""
AIMED: Final = 0.5
"""The share of lives with a fault point, once somebody has died at each."""
CALM: Final = 20.0
"""Seconds without a completed transfer after which everybody is left in peace until there is one."""
PATIENCE: Final = 240.0
STOPPED: Final = {"signer-2": 60.0, "guardian-1": 30.0, "coordinator": 20.0}
"""Seconds for which roles are stopped (SIGSTOP), once each: longer than sessions, checkpoints' age and lease last."""

PASSES: Final = dict.fromkeys(("commit", "peer", "append", "cosign", "checkpoint"), 20)
"""On which pass of a point a role dies at the latest, after the first time: a transfer passes some many times."""
CUT: Final = 30
"""Kills from one power cut to the next: all roles at once, and then a refresh in which one of them dies."""
WINDOW: Final = 20.0
"""Seconds for that refresh."""

Tell = Callable[[int, int], None]


def kind_of(role: str) -> str:
    """`coordinator`, `signer` or `guardian`."""
    return role.partition("-")[0]


def missed(kills: Kills) -> list[str]:
    """The fault points at which nobody was killed."""
    every = {f"{kind_of(role)}: {point}" for role in roles.ROLES for point in dying.points_of(role)}
    return sorted(every - set(kills.by_point))


class Stalled(Exception):
    """No transfer completes although everybody is left in peace."""


@dataclass(slots=True)
class Life:
    """One process of a role; `ends` is set once it is ready, `point` is "" for a random end."""

    pid: int
    point: str
    log_from: int
    span: float
    began: float
    ends: float | None = None
    resumes: float | None = None


@dataclass(slots=True)
class Kills:
    """Who was killed, and where."""

    by_role: Counter[str] = field(default_factory=Counter)
    by_point: Counter[str] = field(default_factory=Counter)
    random: int = 0
    stopped: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All of them."""
        return self.by_role.total()


class Campaign:
    """Kills roles of a running lab, `goal` times in all, while a stream of transfers goes on."""

    def __init__(self, layout: Layout, stream: Stream, goal: int, seed: int) -> None:
        self._layout, self._stream, self._goal = layout, stream, goal
        self._random = random.Random(seed)
        self._lives: dict[str, Life] = {}
        self._pauses = dict(zip(STOPPED, (goal * share // 4 for share in (1, 2, 3)), strict=True))
        self.kills = Kills()
        self._next_cut = CUT
        self._window: tuple[str, float] | None = None

    def run(self, tell: Tell) -> None:
        """Until the goal is reached; then every role runs as it is meant to be. Raises Stalled."""
        processes.stop(self._layout, roles.ROLES)
        for role in roles.ROLES:
            self._live(role)
        try:
            while self._goes_on() or self._paused():
                for role in roles.ROLES:
                    self._look(role)
                if self.kills.total >= self._next_cut and not (self._window or self._paused() or self._calm):
                    self._cut()
                tell(self.kills.total, self._goal)
                time.sleep(0.02)
        finally:
            for role in roles.ROLES:
                self._resume(self._lives[role])
            processes.stop(self._layout, roles.ROLES)
            for role in roles.ROLES:
                roles.start(self._layout, role)

    def _goes_on(self) -> bool:
        """Until the goal is reached and somebody has died at each point, within twice the goal."""
        total = self.kills.total
        return total < self._goal or (total < 2 * self._goal and bool(missed(self.kills)))

    @property
    def renewing(self) -> bool:
        """Whether this is the moment for a refresh of the key."""
        return self._window is not None

    def _cut(self) -> None:
        """End everything at once; then everybody lives on, but for the one who dies in the refresh that follows."""
        for role in roles.ROLES:
            self._kill(role)
        victims = [role for role in roles.ROLES if self._points(role, refresh=True)]
        fresh = [role for role in victims if self._points(role, refresh=True, fresh=True)]
        victim = self._random.choice(fresh or victims)
        point = self._next_point(victim, refresh=True)
        for role in roles.ROLES:
            self._begin(role, point if role == victim else "", 1, WINDOW)
        self._window, self._next_cut = (victim, time.monotonic() + WINDOW), self.kills.total + CUT

    def _close_window(self, now: float) -> None:
        """Everybody's life is short again."""
        for life in self._lives.values():
            life.ends = now + self._random.expovariate(1 / MEAN_LIFE)
        self._window = None

    def _paused(self) -> bool:
        return any(life.resumes is not None for life in self._lives.values())

    @property
    def _calm(self) -> bool:
        quiet = time.monotonic() - self._stream.last
        if quiet > PATIENCE:
            raise Stalled(f"no transfer has completed for {quiet:.0f} s")
        return quiet > CALM or not self._goes_on()

    def _look(self, role: str) -> None:
        """What is due for one role."""
        life, now = self._lives[role], time.monotonic()
        if life.resumes is not None:
            if now >= life.resumes:
                self._resume(life)
            return
        if processes.running(self._layout, role) is None:
            self._died(role, life)
            self._live(role)
            if self._window is not None and role == self._window[0]:
                self._close_window(now)
        elif self._window is not None:
            if now >= self._window[1]:
                self._close_window(now)
        elif life.ends is None:
            if self._said(role, life, READY[kind_of(role)]):
                life.ends = now + life.span * max(1.0, now - life.began)
        elif role in self._pauses and self.kills.total >= self._pauses[role]:
            self._pause(role, life, STOPPED[role])
        elif now >= life.ends and not self._calm:
            self._kill(role)
            self._live(role)

    def _kill(self, role: str) -> None:
        """kill -9, wherever the role is; a fault point that it did not reach is left to another life."""
        life = self._lives[role]
        if processes.running(self._layout, role) is None:
            return self._died(role, life)
        processes.kill(self._layout, role)
        self.kills.random += 1
        self.kills.by_role[role] += 1
        return None

    def _died(self, role: str, life: Life) -> None:
        if not self._said(role, life, f"DIES {life.point}\n".encode()):
            raise AssertionError(f"{role} has ended by itself: {processes.last_words(self._layout, role)}")
        self.kills.by_point[f"{kind_of(role)}: {life.point}"] += 1
        self.kills.by_role[role] += 1

    def _live(self, role: str) -> None:
        """Start the role for a life with a fault point or without."""
        if self._calm or self._window is not None:
            self._begin(role, "", 0, CALM)
        elif role == "relay":
            self._begin(role, "", 0, self._random.expovariate(1 / RELAY_LIFE))
        elif self._points(role, fresh=True) or self._random.random() < AIMED:
            point = self._next_point(role)
            passes = PASSES.get(point.split()[0], 3) if self.kills.by_point[f"{kind_of(role)}: {point}"] else 1
            self._begin(role, point, self._random.randint(1, passes), AIMED_LIFE)
        else:
            self._begin(role, "", 0, self._random.expovariate(1 / MEAN_LIFE))
            if self._random.random() < STARTING:
                self._lives[role].ends = time.monotonic() + self._random.uniform(0, 1.5)

    def _begin(self, role: str, point: str, count: int, span: float) -> None:
        home, log = self._layout.home(role), self._layout.log(role)
        script = home / "dying.py"
        if not script.exists():  # the checkout may be closed to the role's user
            shutil.copyfile(Path(dying.__file__), script)
            script.chmod(0o644)
        log_from = log.stat().st_size if log.exists() else 0
        command = [sys.executable, str(script), role, str(home), point or "none at", str(count)]
        pid = processes.start(self._layout, role, command, user_of(role), home)
        self._lives[role] = Life(pid, point, log_from, span, time.monotonic())

    def _points(self, role: str, *, refresh: bool = False, fresh: bool = False) -> list[str]:
        """The role's fault points in a refresh or else; `fresh`: at which nobody has died yet."""
        every = [p for p in dying.points_of(role) if (p.split()[0] in dying.REFRESH) == refresh]
        return [p for p in every if not fresh or f"{kind_of(role)}: {p}" not in self.kills.by_point]

    def _next_point(self, role: str, *, refresh: bool = False) -> str:
        fresh = self._points(role, refresh=refresh, fresh=True)
        return self._random.choice(fresh or self._points(role, refresh=refresh))

    def _said(self, role: str, life: Life, what: bytes) -> bool:
        with self._layout.log(role).open("rb") as file:
            file.seek(life.log_from)
            return what in file.read()

    def _pause(self, role: str, life: Life, seconds: float) -> None:
        os.kill(life.pid, signal.SIGSTOP)
        del self._pauses[role]
        life.resumes = time.monotonic() + seconds
        self.kills.stopped.append(f"{role} {seconds:.0f} s")

    def _resume(self, life: Life) -> None:
        if life.resumes is not None:
            os.kill(life.pid, signal.SIGCONT)
            life.resumes = None
