"""Every check names its guard, the guards exist, and a sample of them fails without its check."""

from __future__ import annotations

from pathlib import Path

from tests.mutants.checks import all_checks
from tests.mutants.run import failing
from tests.mutants.table import COVERED, guarding, load

SAMPLE = 17  # each 17th check is taken out here, all of them by `make mutants`


def test_every_check_of_fold_and_signer_names_the_test_that_guards_it() -> None:
    assert list(load()) == [check.key for check in all_checks()], "python -m tests.mutants --find"


def test_the_guards_exist_and_reasons_name_a_check() -> None:
    guards = load()
    for test in set(guarding(guards).values()):
        path, _, name = test.partition("::")
        assert f"def {name}(" in Path(path).read_text(), test
    for reason in set(guards.values()) - set(guarding(guards).values()):
        assert reason.removeprefix(COVERED).partition(" ")[0] in guards, reason
    assert len(guarding(guards)) > 200


def test_a_guard_fails_without_its_check() -> None:
    guards = guarding(load())
    chosen = [check for check in all_checks() if check.key in guards][::SAMPLE]
    assert failing(None, sorted({guards[check.key] for check in chosen})) == ""
    for check in chosen:
        assert failing(check, [guards[check.key]]), f"{guards[check.key]} passes without {check.key}"
