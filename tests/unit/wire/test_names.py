"""Labels of outside sources, which must not pass for anybody of the hive."""

from __future__ import annotations

import pytest

from hive.errors import BadRequest
from hive.wire.names import RESERVED, wake_label
from tests.fakes.hostile_agent.broker import LOOK_ALIKES


@pytest.mark.parametrize("label", [*sorted(RESERVED), *LOOK_ALIKES])
def test_no_label_looks_like_a_principal(label: str) -> None:
    with pytest.raises(BadRequest):
        wake_label(label)


@pytest.mark.parametrize("label", ["ci", "cron: nightly", "M\u00fcller", "mail/inbox", "operators"])
def test_other_labels_are_free(label: str) -> None:
    assert wake_label(label) == label
