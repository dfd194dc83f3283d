"""Breadth first through all states: how many there are, or the shortest way to one that must not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from docs.protocols.model.events import BAD, State
from docs.protocols.model.heads import members
from docs.protocols.model.rules import Model

EVERY = 2048  # states between two reports of progress


@dataclass(frozen=True)
class Outcome:
    """States and steps seen, the length of the longest shortest way, how many heads were final in some state; what was
    violated, and how, if anything was.
    """

    states: int
    steps: int
    depth: int
    final: int
    violation: str = ""
    trace: tuple[str, ...] = ()


def explore(model: Model, progress: Callable[[int], None] = lambda states: None, *, trace: bool = False) -> Outcome:
    """Every reachable state up to the first violation.

    States are remembered by their 64-bit hashes; with `trace` whole, so that the shortest way can be told.
    """
    first = model.canonical(model.initial())
    seen, came = {hash(first)}, {first: first}
    level, steps, depth, final = [first], 0, 0, 0
    while level:
        depth, following = depth + 1, list[State]()
        for state in level:
            for _, after in model.successors(state):
                after, steps = model.canonical(after), steps + 1
                if (mark := hash(after)) in seen:
                    continue
                seen.add(mark)
                final |= after.final
                following.append(after)
                if trace:
                    came[after] = state
                if len(seen) % EVERY == 0:
                    progress(len(seen))
                if wrong := model.violation(after):
                    told = _told(model, came, after) if trace else ()
                    return Outcome(len(seen), steps, depth, final.bit_count(), wrong, told)
        level = following
    progress(len(seen))
    return Outcome(len(seen), steps, depth - 1, final.bit_count())


def _told(model: Model, came: dict[State, State], last: State) -> tuple[str, ...]:
    """The steps from the first state to the last in words; each witness keeps its letter on the way."""
    way = [last]
    while came[way[-1]] != way[-1]:
        way.append(came[way[-1]])
    state, lines = model.initial(), list[str]()
    bad = ", ".join(chr(ord("A") + i) for i, w in enumerate(state.witnesses) if w.tail == BAD)
    lines += [f"{bad} signs everything"] if bad else []
    for wanted in way[-2::-1]:
        before = state
        step, state = next((s, after) for s, after in model.successors(state) if model.canonical(after) == wanted)
        line = f"{chr(ord('A') + step.witness)} {step.verb} {model.word(step.head)}"
        news = [(before.q_accepted, state.q_accepted, "q have accepted"), (before.final, state.final, "final is")]
        for old, new, what in news:
            line += "".join(f"; {what} {model.word(head)}" for head in members(new & ~old))
        lines.append(line)
    return tuple(lines)
