"""The stop page asks for what the one table says (GV-4): every role, held on one channel or on all."""

from __future__ import annotations

from governance import matrix, people, roles
from governance.matrix import EVERYWHERE, OWN, PAGE
from store.engine import reading, writing
from store.tables import Suspension
from tests.console.conftest import STEW, PageCity
from tests.support.live_city import X


def _joined(paged: PageCity, person: str, role: str | None, channel: str) -> str:
    with writing(paged.live.engine) as session:
        people.add_person(session, STEW, person, person)
        if role is not None:
            people.grant(session, STEW, person, role, channel)
        return people.create_token(session, STEW, person).token


def _stops(paged: PageCity, token: str) -> bool:
    """True when the page stopped; else nothing may be suspended by it."""
    before = len(paged.suspensions())
    answer = paged.visitor.confirm(token)
    assert (answer.status == 303) is (len(paged.suspensions()) == before + 1)
    return answer.status == 303


def test_the_page_stops_for_whom_the_table_says_and_for_nobody_else(sqlite_paged: PageCity) -> None:
    """GV-4: what is denied is logged, and nothing is suspended."""
    (row,) = [row for row in matrix.ROWS if row.surface == PAGE]
    known = roles.read(roles.SHIPPED)
    cases = [(role, place) for role in (*known, None) for place in (OWN, EVERYWHERE)]
    found, denied = {}, []
    for number, (role, place) in enumerate(cases):
        token = _joined(sqlite_paged, f"p{number}", role, "*" if place == EVERYWHERE else X)
        found[role, place] = _stops(sqlite_paged, token)
        denied += [] if found[role, place] else [f"p{number}"]
    assert found == {(role, place): row.allows(known, role, place) for role, place in cases}
    assert [entry.actor for entry in sqlite_paged.refusals()] == denied
    with reading(sqlite_paged.live.engine) as session:
        assert session.get(Suspension, 1) is not None
