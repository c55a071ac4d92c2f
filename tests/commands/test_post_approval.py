"""What the content checks say at approval: shown to whoever approves, and what blocks is let pass by a name, or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from commands import post_approval
from governance import roles, rules, tiers
from governance.access import sign_in
from records.log import entries
from scheduler.planning.post_run import Request
from scheduler.planning.post_selection import PostError, Wanted
from store.engine import open_engine, writing
from tests.commands.office import Office, opened
from tests.commands.test_review import AT, joined, ok
from tests.support.city import City

CHECK = "check: first_person (warn): 'I' in the text"
BLOCKED = '[levels]\nfirst_person = "block"\n'


@pytest.fixture
def office(sqlite_city: City, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """With a draft of pat's that says I, handed in."""
    monkeypatch.setenv("STANDFAST_TOKEN", "")
    engine = open_engine(sqlite_city.url)
    made = opened(sqlite_city, engine)
    made.city.set(approval="required", checks="checks.toml")
    (made.city.root / "checks.toml").write_text("")
    pat = joined(made, "pat", "administrator")
    ok(made, "post", "add", "--channel", "parks", *AT, "--text", "I love the new pool.", who=pat)
    ok(made, "post", "submit", "1", "--attest", who=pat)
    yield made
    engine.dispose()
    roles.use(None)
    rules.use(rules.Rules())


def _state(office: Office) -> str:
    return str(ok(office, "post", "show", "1", "--json").data["state"])


@pytest.mark.parametrize("dry", [True, False])
def test_who_approves_sees_what_the_checks_find(office: Office, dry: bool) -> None:
    """CT-2: a finding that is for somebody else to look at is looked at; it does not block."""
    otis = joined(office, "otis", "operator")
    said = ok(office, "post", "approve", "1", *["--dry-run"] * dry, who=otis)
    assert [line.strip()[: len(CHECK)] for line in said.out.splitlines() if "check:" in line] == [CHECK]
    assert _state(office) == ("in_review" if dry else "scheduled")


def test_its_json_has_the_findings(office: Office) -> None:
    """CT-2"""
    otis = joined(office, "otis", "operator")
    (post,) = ok(office, "post", "approve", "1", "--json", who=otis).data["shown"]
    assert [(found["rule"], found["quote"]) for found in post["findings"]] == [("first_person", "I")]


def test_what_blocks_by_then_is_approved_only_past_a_recorded_word(office: Office) -> None:
    """CT-2: who may not override approves nothing that blocks; who may says why, and both are in the chain."""
    (office.city.root / "checks.toml").write_text(BLOCKED)
    otis = joined(office, "otis", "operator")
    assert "first_person (block)" in office.fails("post", "approve", "1", STANDFAST_TOKEN=otis)
    past = ("post", "approve", "1", "--override", "first_person=a poem by a child")
    assert "may not approve post 1 past the check first_person" in office.fails(*past, STANDFAST_TOKEN=otis)
    assert (_state(office), entries(office.engine, action="content.override")) == ("in_review", [])
    ok(office, *past)
    (entry,) = entries(office.engine, action="content.override")
    assert (entry["actor"], entry["subject"], entry["detail"]["why"]) == ("ana", "post 1", "a poem by a child")
    assert _state(office) == "scheduled"


def test_what_was_let_pass_for_these_words_is_let_pass(office: Office) -> None:
    """CT-2: an approver without that right need not repeat it; other words need a word of their own."""
    (office.city.root / "checks.toml").write_text(BLOCKED)
    ok(office, "post", "edit", "1", "--text", "I love the pool.", "--override", "first_person=a poem")
    otis = joined(office, "otis", "operator")
    pat = joined(office, "pam", "administrator")
    ok(office, "post", "submit", "1", "--attest", who=pat)
    ok(office, "post", "approve", "1", who=otis)
    assert _state(office) == "scheduled"


def test_a_post_that_was_changed_while_it_was_looked_at_is_not_approved(office: Office) -> None:
    """CT-1, CT-2: the checks spoke of other words."""
    joined(office, "otis", "operator")
    otis = sign_in(office.engine, joined_token(office))
    with pytest.raises(PostError, match="post 1 was changed while you looked at it"), writing(office.engine) as session:
        post_approval.approve(session, Request(Wanted(ids=(1,)), otis), tiers.read(tiers.SHIPPED), {})
    assert _state(office) == "in_review"


def joined_token(office: Office) -> str:
    """Another token of otis."""
    return str(ok(office, "people", "token", "otis", "--json").data["token"])
