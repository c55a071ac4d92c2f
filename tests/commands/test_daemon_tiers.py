"""Where posts must be approved, the daemon does not start with tiers that cannot be read (CT-1)."""

from __future__ import annotations

from tests.support.city import City


def test_tiers_that_cannot_be_read_keep_the_daemon_from_starting(sqlite_city: City) -> None:
    """CT-1: one line that names the file; where nothing must be approved, nobody looks at it."""
    sqlite_city.set(approvals="none.toml", approval="required")
    ran = sqlite_city.run("daemon")
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert "none.toml: the tiers of approval cannot be read" in ran.stderr
