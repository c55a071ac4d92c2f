"""Changed settings count at the next claim; a file that is being written, or broken, asks for no less (GV-5)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from config import settings
from governance import rules
from scheduler.rules_watch import RulesWatch
from tests.support.city import City

ASKING = 'approval = "required"\n'


@pytest.fixture
def watch(sqlite_city: City) -> Iterator[RulesWatch]:
    """That of a city which asks for approval."""
    with sqlite_city.settings_file.open("a", encoding="utf-8") as file:
        file.write(ASKING)
    yield RulesWatch(settings.load())
    rules.use(rules.Rules())


@pytest.mark.parametrize("text", [None, "", 'approval = "requ'])
def test_a_file_that_is_gone_empty_or_broken_asks_for_no_less(
    sqlite_city: City, watch: RulesWatch, text: str | None
) -> None:
    """GV-5: an editor may take the file away, or empty it, before it writes; what is whole again counts (the twin)."""
    file = sqlite_city.settings_file
    whole = file.read_text(encoding="utf-8")
    file.unlink() if text is None else file.write_text(text, encoding="utf-8")
    with capture_logs() as told:
        assert watch.in_force().approval
        assert watch.in_force().approval
    assert [line["log_level"] for line in told] == ["error"]
    file.write_text("", encoding="utf-8")
    assert watch.in_force().approval
    file.write_text(whole.replace(ASKING, ""), encoding="utf-8")
    assert not watch.in_force().approval
    assert not rules.in_force().approval
