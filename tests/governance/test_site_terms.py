"""The site terms are the city's data, read whole or refused with every mistake (CT-7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import site_terms
from governance.site_terms import TermsError


def file_of(tmp_path: Path, text: str | bytes) -> Path:
    """A file that says this."""
    file = tmp_path / "terms.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_the_shipped_example_can_be_used() -> None:
    """CT-7: every clause has an id and words in one line."""
    found = site_terms.of_settings(Path(), None)
    assert len(found) >= 10
    assert "threats" in found
    assert all(words and "\n" not in words for words in found.values())


def test_a_city_s_own_file_replaces_it(tmp_path: Path) -> None:
    """CT-7: ids as a city's own terms number their clauses."""
    file_of(tmp_path, '[clauses]\n\'4.b\' = """No\n  threats."""\n')
    assert site_terms.of_settings(tmp_path, Path("terms.toml")) == {"4.b": "No threats."}


FAULTS = [
    ("", "[clauses] must hold one to 500"),
    ("clauses = 3", "[clauses] must hold"),
    ("[clauses]\n", "[clauses] must hold"),
    ("[clauses]\na = 'x'\n[more]\n", "'more' is not known here"),
    ("[clauses]\na = ' '\n", "clause 'a' says nothing"),
    ("[clauses]\n4.b = 'x'\n", "clause '4' must be text"),
    ("[clauses]\n'a b' = 'x'\n", "clause 'a b' cannot be an id"),
    ('[clauses]\na = "\\u202e\\u0007"\n', "clause 'a' holds the character U+0007"),
    (f"[clauses]\na = '{'x' * 5001}'\n", "has 5001 characters"),
    ("[clauses", "cannot be read"),
    (b"\xff", "cannot be read"),
]


@pytest.mark.parametrize(("text", "told"), FAULTS)
def test_every_mistake_is_named(tmp_path: Path, text: str | bytes, told: str) -> None:
    """CT-7: a file that is not understood is no terms."""
    with pytest.raises(TermsError) as caught:
        site_terms.read(file_of(tmp_path, text))
    assert told in str(caught.value)
    assert "terms.toml: " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_all_mistakes_are_named_at_once_and_a_missing_file_too(tmp_path: Path) -> None:
    """CT-7."""
    with pytest.raises(TermsError) as caught:
        site_terms.read(file_of(tmp_path, "x = 1\n[clauses]\n'' = 'x'\nb = 2\n"))
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(TermsError, match=r"none\.toml: the site terms cannot be read \(No such file"):
        site_terms.of_settings(tmp_path, Path("none.toml"))
