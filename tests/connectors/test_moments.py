"""RC-5: a platform's moments are read as far as they can be shown again."""

from __future__ import annotations

import pytest

from connectors.answers import moment_us


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-01T00:00:01+0000", 1_000_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
        ("9999-12-31T23:59:59-23:59", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("2026-01-01T00:00:00", None),
        ("soon", None),
        (17, None),
    ],
)
def test_a_moment_is_read_where_it_can_be_shown(text: object, us: int | None) -> None:
    assert moment_us(text) == us
