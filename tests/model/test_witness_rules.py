"""The model of the witness rules: clean within the bounds of every submission, and every rule is needed."""

from __future__ import annotations

import pytest

from docs.protocols.model.heads import Tree
from docs.protocols.model.rules import Model
from docs.protocols.model.runs import BOUNDED, VARIANTS, WHOLE, Run, Variant
from docs.protocols.model.search import explore


@pytest.mark.parametrize("run", BOUNDED, ids=lambda run: run.configuration.name)
def test_i8_i20_no_order_of_events_makes_two_histories_final(run: Run) -> None:
    bounds = run.configuration
    outcome = explore(Model(bounds))
    assert outcome.violation == ""
    assert outcome.states == run.states, "another number of states is another model: say why, then record it"
    assert outcome.final == len(Tree(bounds.alphabet, bounds.size, bounds.plain).logs), "a head that nobody can reach"


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_each_rule_left_out_leads_to_harm_by_a_way_that_can_be_told(variant: Variant) -> None:
    outcome = explore(Model(variant.configuration, variant.rules), trace=True)
    assert outcome.violation
    assert len(outcome.trace) == outcome.depth + 1  # who is bad is said before the first step
    assert explore(Model(variant.configuration)).violation == "", "the same world is clean under the rules as written"


def test_the_worlds_of_every_submission_are_those_of_the_whole_run() -> None:
    assert {run.configuration.name for run in BOUNDED} <= {run.configuration.name for run in WHOLE}
