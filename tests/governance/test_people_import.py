"""People from a CSV file: all of it or nothing, every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import access, days, people, people_import, training
from governance.access import Refused
from governance.people_import import ImportFault
from store.engine import reading
from tests.governance.helpers import Town

ZONE = "UTC"
HEAD = "person,name,employment,department,role,channel,course,completed_on,valid_until\n"
GOOD = (
    "bo,Bo Berg,,Parks,administrator,parks,social-media,2020-01-31,2031-01-31\n"
    "bo,Bo Berg,,Parks,administrator,police,,,\n"
    "cy,Cy Cole,volunteer,,,,,,\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def take(town: Town, file: Path, text: str, by: str | None = None) -> dict[str, int]:
    """What the file added."""
    file.write_text(text, encoding="utf-8")
    actor = town.ana if by is None else town.signed_in(by, "operator")
    rows = people_import.read(file)
    with access.acting(town.engine) as session:
        return people_import.apply(session, actor, file, rows, ZONE)


def faults(town: Town, file: Path, text: str) -> list[str]:
    """The mistakes of a file that changes nothing, without the folder."""
    before = town.log()
    with pytest.raises(ImportFault) as caught:
        take(town, file, text)
    assert town.log() == before
    return [line.removeprefix(f"{file.parent}/") for line in str(caught.value).splitlines()]


def test_a_file_adds_people_roles_and_training_once(town: Town, file: Path) -> None:
    """GV-4: a second time it adds nothing."""
    assert take(town, file, HEAD + GOOD) == {"people": 2, "roles": 2, "training": 1}
    assert take(town, file, HEAD + GOOD) == {"people": 0, "roles": 0, "training": 0}
    with reading(town.engine) as session:
        found = {row["id"]: row for row in people.listing(session)}
        assert [row["course"] for row in training.listing(session)] == ["social-media"]
    assert found["cy"]["employment"] == "volunteer"
    assert found["bo"]["department"] == "Parks"
    assert [role["channel"] for role in found["bo"]["roles"]] == ["parks", "police"]


def test_every_mistake_is_named_with_its_line_and_nothing_is_changed(town: Town, file: Path) -> None:
    late = days.current(ZONE).replace(year=days.current(ZONE).year + 1)
    text = (
        HEAD
        + GOOD
        + "Bad Id,X,,,,,,,\n"
        + "di,,,,,,,,\n"
        + "ed,Ed,boss,,,,,,\n"
        + "fay,Fay,,,clerk,,,,\n"
        + "gus,Gus,,,administrator,pool,,,\n"
        + f"hal,Hal,,,,,social-media,{late:%Y-%m}-01,\n"
        + "ivy,Ivy,,,,parks,,,\n"
        + "jo,Jo,,,,,,2020-01-01,\n"
        + "bo,Bob Berg,,,,,,,\n"
        + "bo,Bo Berg,contractor,,,,,,\n"
    )
    found = faults(town, file, text)
    assert [line.split(": ")[0] for line in found] == [f"people.csv:{number}" for number in range(5, 15)]
    for line, words in zip(
        found,
        ("'Bad Id' cannot be an id", "needs a name", "'boss' is not known", "no role 'clerk'", "no channel 'pool'",
         "still to come", "no role", "no course", "called Bo Berg", "not 'contractor'"), strict=True,
    ):  # fmt: skip
        assert words in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "people.csv:1: the column 'person' is missing"),
        ("person,nam\n", "people.csv:1: the column 'nam' is not known: did you mean 'name'?"),
        ("person,name,name\na,A,A\n", "people.csv:1: the column 'name' stands twice"),
        ("person,name\n", "people.csv: it has 0 rows"),
        ("person,name\na\n", "people.csv:2: it has more or fewer cells than the header"),
        ("person,name\na,A,B\n", "people.csv:2: it has more or fewer cells than the header"),
        ('person,name\na,"A\n', "people.csv: cannot be read"),
        ('person,name\na,"A\nB"\n', "people.csv:3: name holds a control character or a line break"),
        *(
            (f"person,name\na,A{char}B\n", "people.csv:2: name holds a control character or a line break")
            for char in "\x7f\x85\u2028\u2029"
        ),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(town: Town, file: Path, text: str, expected: str) -> None:
    assert faults(town, file, text)[0].startswith(expected)


def test_a_file_that_cannot_be_read_is_refused(town: Town, file: Path) -> None:
    file.write_bytes(b"person,name\na,\xff\n")
    with pytest.raises(ImportFault, match="cannot be read"):
        people_import.read(file)
    with pytest.raises(ImportFault, match="No such file"):
        people_import.read(file.with_name("none.csv"))


def test_an_import_needs_people(town: Town, file: Path) -> None:
    """GV-4: refused, logged, nothing changed."""
    with pytest.raises(Refused, match="'people'"):
        take(town, file, HEAD + GOOD, by="otis")
    assert [entry.subject for entry in town.refusals()] == ["people.import people.csv"]
