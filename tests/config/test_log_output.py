from __future__ import annotations

import sys

import pytest
import structlog

from config import log_output


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_logged_moves_the_cursor_of_who_watches(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    log_output.configure()
    try:
        structlog.get_logger("test").error("calendar_fault", file="a\x1b[2Jb\x9b2J.csv", fault="one\ntwo \u202e")
    finally:
        structlog.reset_defaults()
    said = capsys.readouterr().err
    assert "\x1b[2J" not in said
    assert "\x9b" not in said
    assert "\u202e" not in said
    assert "calendar_fault" in said
