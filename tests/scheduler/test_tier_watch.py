"""A changed file of tiers counts at the next claim; one that cannot be read changes nothing (CT-1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from governance import rules, tiers
from governance.tiers import TierError
from scheduler.tier_watch import TierWatch
from tests.scheduler import cleared
from tests.scheduler.press import Press

SHIPPED = tiers.SHIPPED.read_text(encoding="utf-8")
STRICTER = SHIPPED.replace("approvals = 1", "approvals = 2", 1)


@pytest.fixture(autouse=True)
def _no_rules() -> Iterator[None]:
    yield
    rules.use(rules.Rules())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The city's own tiers, as shipped."""
    made = tmp_path / "approvals.toml"
    made.write_text(SHIPPED, encoding="utf-8")
    return made


@pytest.fixture
def asking(press: Press, file: Path) -> Press:
    """A press in a city that asks for everything, whose publisher has published once by `file`."""
    cleared.furnish(press)
    press.publisher = press.publisher_of(**cleared.ASKED, approvals=file)
    assert press.publisher.publish_post(cleared.approved(press)) == "published"
    return press


def test_a_stricter_file_counts_at_the_next_claim(asking: Press, file: Path) -> None:
    """CT-1: without a restart; and so does the laxer one that is put back."""
    number = cleared.approved(asking)
    file.write_text(STRICTER, encoding="utf-8")
    assert asking.publisher.publish_post(number) == "held"
    assert asking.post(number).hold_reason == "only 1 of the 2 approvals that standard asks for are there"
    file.write_text(SHIPPED, encoding="utf-8")
    assert asking.publisher.publish_post(cleared.approved(asking)) == "published"


def test_a_file_that_did_not_change_is_not_read_again(
    asking: Press, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: and what was approved goes out."""
    number = cleared.approved(asking)
    monkeypatch.setattr(tiers, "read", lambda _: pytest.fail("the file was read again"))
    assert asking.publisher.publish_post(number) == "published"


@pytest.mark.parametrize("text", ["[tier", None])
def test_one_that_cannot_be_read_leaves_the_tiers_that_were(asking: Press, file: Path, text: str | None) -> None:
    """CT-1: nothing is laxer, nothing is held for it, and the log says it once."""
    file.unlink() if text is None else file.write_text(text, encoding="utf-8")
    with capture_logs() as told:
        assert asking.publisher.publish_post(cleared.approved(asking)) == "published"
        assert asking.publisher.publish_post(asking.queue()) == "held"
    assert [line["log_level"] for line in told if line.get("action") == "tiers"] == ["error"]
    file.write_text(STRICTER, encoding="utf-8")
    assert asking.publisher.publish_post(cleared.approved(asking)) == "held"


def test_tiers_that_were_never_read_are_a_mistake(tmp_path: Path) -> None:
    """CT-1: there is nothing to go on with."""
    with pytest.raises(TierError, match=r"none\.toml: the tiers of approval cannot be read"):
        TierWatch(tmp_path / "none.toml").in_force()
