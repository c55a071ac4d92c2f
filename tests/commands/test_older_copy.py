"""Commands in a store that was put back from an older copy and that no daemon has looked through yet."""

from __future__ import annotations

import pytest

from config import essentials
from scheduler import restore, witness
from tests.commands.office import Office

CALENDAR = "owner: ana\nentries: []\n"


@pytest.mark.parametrize(
    "words",
    [
        ("post", "add", "--channel", "parks", "--at", "2190-12-01 09:00", "--text", "The pool opens."),
        ("post", "edit", "1", "--text", "Other words."),
        ("post", "cancel", "1"),
        ("post", "release", "1"),
        ("post", "reschedule", "1", "--at", "2190-12-02 09:00"),
        ("calendar", "sync", "calendars/parks.yaml"),
        ("crisis", "post", "--channel", "parks", "--text", "Take shelter."),
        ("crisis", "post", "--renew"),
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_nothing_is_queued_changed_or_let_go_in_an_older_copy(office: Office, words: tuple[str, ...]) -> None:
    """I3, I5: numbers that only the lost store knew would be given again, and what is out would go again or be called off."""
    (office.city.calendars_dir / "parks.yaml").write_text(CALENDAR)
    added = office.run("post", "add", "--channel", "parks", "--at", "2190-12-01 09:00", "--text", "Words.", "--draft")
    assert added.code == 0, added
    file = restore.file_of(office.engine, essentials.load(office.city.environ))
    witness.note(file, epoch=9)
    assert "has seen 9: what waits in it may be out; start the daemon" in office.fails(*words)
    file.unlink()
    assert "may be out" not in office.run(*words).err
