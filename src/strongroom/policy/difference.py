"""Two versions of a policy compared in words: what changes, and whether it could act at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from strongroom.documents.canonical import encode
from strongroom.errors import InvalidInput
from strongroom.policy.chapters import TITLES, Parts, named, parts
from strongroom.policy.compare import tightens
from strongroom.policy.loader import load_policy
from strongroom.policy.words import Doc

_ROWS: Final = ("limits", "rules")
_WITH_PARTS: Final = ("people", "groups", "tiers", "chains", "assets", "address_groups", "messages", *_ROWS)


@dataclass(frozen=True, slots=True)
class Change:
    """One part of one field: the phrases that go and those that come; `tightens`: by itself it would act at once."""

    field: str
    name: str
    gone: tuple[str, ...]
    come: tuple[str, ...]
    tightens: bool

    def to_doc(self) -> dict[str, Any]:
        """As `--json` prints it."""
        gone, come = list(self.gone), list(self.come)
        return {"field": self.field, "name": self.name, "gone": gone, "come": come, "tightens": self.tightens}

    @property
    def where(self) -> str:
        """The part for people: `Groups, risk`."""
        return ", ".join(filter(None, (TITLES.get(self.field, self.field).partition(":")[0], self.name)))

    def text(self) -> str:
        """In one line: `Groups, risk: bob, carol → bob`."""
        return f"{self.where}: {'; '.join(self.gone) or 'nothing'} → {'; '.join(self.come) or 'nothing'}"


def difference(old: Doc, new: Doc) -> list[Change]:
    """Every change between two documents that load, in the order of the page."""
    found = [Change("fold", "", (f"{old['fold']}",), (f"{new['fold']}",), False)] if old["fold"] != new["fold"] else []
    before, after = parts(old), parts(new)
    for field in TITLES:
        found += _changed(old, new, field, before[field], after[field])
    order = _common(old, new), _common(new, old)
    if order[0] != order[1]:
        found.append(Change("rules", "their order", tuple(order[0]), tuple(order[1]), False))
    return found


def obstacles(old: Doc, new: Doc, now: int) -> list[str]:
    """Why the log would refuse the new document as the next version of the old one, at a time (unix ms)."""
    found = []
    if new["version"] != old["version"] + 1:
        found.append(f"the next version is {old['version'] + 1}, not {new['version']}")
    if new["expires"] <= now:
        found.append("it has expired")
    if new["witnesses"] != old["witnesses"]:
        found.append("witnesses change by strongroom node enrol and retire, not by a policy alone")
    return found


def acts_at_once(old: Doc, new: Doc) -> bool:
    """Whether the whole of it only tightens."""
    return tightens(load_policy(old), load_policy(new))


def _changed(old: Doc, new: Doc, field: str, before: Parts, after: Parts) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        said, says = before.get(name, []), after.get(name, [])
        raw, made = _part(old, field, name), _part(new, field, name)
        if raw != made:
            gone = tuple(phrase for phrase in said if phrase not in says)
            come = tuple(phrase for phrase in says if phrase not in said)
            if not gone and not come:  # words leave nothing out that changes: then as it is written
                gone, come = (encode(raw).decode(),), (encode(made).decode(),)
            yield Change(field, name, gone, come, _alone(old, new, field, name))


def _part(document: Doc, field: str, name: str) -> Any:
    whole = document.get(field)
    if field in _ROWS:
        return named(document[field]).get(name)
    return whole.get(name) if field in _WITH_PARTS and whole is not None else whole


def _alone(old: Doc, new: Doc, field: str, name: str) -> bool:
    """Whether this change, made to the old document and nothing else, only tightens it."""
    made, changed = _part(new, field, name), dict(old)
    if field in _ROWS:
        changed[field] = _with_row(old, new, field, name)
    elif field in _WITH_PARTS:
        kept = {key: spec for key, spec in old.get(field, {}).items() if key != name}
        changed[field] = kept if made is None else {**kept, name: made}
    elif made is None:
        del changed[field]
    else:
        changed[field] = made
    try:
        return acts_at_once(old, changed)
    except InvalidInput:
        return False  # it makes sense together with others only


def _with_row(old: Doc, new: Doc, field: str, name: str) -> list[Any]:
    """The old rows with this one as it is in the new ones: behind the one that it stands behind there, or gone."""
    before, after = named(old[field]), named(new[field])
    if name in before:
        return [after.get(row) if row == name else spec for row, spec in before.items() if row != name or row in after]
    names = [*after]
    behind = next((row for row in reversed(names[: names.index(name)]) if row in before), None)
    rows = [*before]
    place = rows.index(behind) + 1 if behind is not None else 0
    rows.insert(place, name)
    return [before.get(row, after.get(row)) for row in rows]


def _common(one: Doc, other: Doc) -> list[str]:
    """The rules of one document that the other has, too, in their order."""
    return [name for name in named(one["rules"]) if name in named(other["rules"])]
