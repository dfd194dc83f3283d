"""Keys that the tests of this folder share: DKLs23 key generation takes seconds."""

from __future__ import annotations

import pytest

from strongroom.keys.threshold import Scheme
from tests.unit.keys.group import Group, generate


@pytest.fixture(scope="session")
def two_of_three(tmp_path_factory: pytest.TempPathFactory) -> dict[Scheme, Group]:
    return {scheme: generate(scheme, 3, 2, tmp_path_factory.mktemp(scheme)) for scheme in Scheme}


@pytest.fixture(scope="session")
def three_of_five(tmp_path_factory: pytest.TempPathFactory) -> dict[Scheme, Group]:
    return {scheme: generate(scheme, 5, 3, tmp_path_factory.mktemp(scheme)) for scheme in Scheme}
