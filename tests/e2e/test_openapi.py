"""The API is what its OpenAPI document says: thousands of generated requests, none of which appends an entry."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from strongroom.lab.client import Api
from tests.e2e.conftest import Lab

EXAMPLES = 40
UNSIGNED = [positive_data_acceptance]
"""What cannot hold: a body of the right form is still refused, for nobody has signed it."""


def operations(lab: Lab) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{lab.settings.api}/openapi.json")
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) > 10
    return found


@pytest.mark.parametrize("mode", [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])
def test_every_operation_answers_as_documented_and_nothing_is_appended(
    lab: Lab, mode: schemathesis.GenerationMode
) -> None:
    api = Api(lab.settings.api)
    before = api.get("/v1/status")["transfers"]
    for operation in operations(lab):
        if mode.is_negative and not (operation.body or operation.query):
            continue  # any text may stand in a path: there is nothing to get wrong

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        def ask(case: Any) -> None:
            case.call_and_validate(excluded_checks=UNSIGNED)

        ask()
    assert api.get("/v1/status")["transfers"] == before
