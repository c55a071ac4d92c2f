"""A stop of a group covers whoever is in it when it is declared or joins it later, until the lift."""

from __future__ import annotations

from config import clock
from scheduler import killswitch
from store.engine import cursor, dialect, writing
from store.tables import Channel, ChannelGroup, SuspensionChannel
from tests.scheduler.press import Press


def _closed(press: Press, channel: str) -> list[int]:
    found: list[int] = press.ask(killswitch.closed_by, channel, clock.wall_us())
    return found


def _freeze(press: Press, channel: str) -> None:
    with writing(press.engine) as session:
        killswitch.freeze_groups(cursor(session), dialect(session), channel)


def _join(press: Press, channel: str, *groups: str) -> None:
    with writing(press.engine) as session:
        for group in groups:
            session.add(ChannelGroup(channel=channel, name=group))


def _leave(press: Press, channel: str, group: str) -> None:
    with writing(press.engine) as session:
        session.delete(session.get_one(ChannelGroup, (channel, group)))


def test_who_joined_is_kept_under_the_stop_also_after_leaving(press: Press) -> None:
    """KS-7, I6: only a lift opens a channel."""
    _join(press, "police", "outdoors")
    number = press.suspend("group:outdoors").suspension
    with writing(press.engine) as session:
        session.add(Channel(name="zoo", platform="outbox", created_at=1))
    _join(press, "zoo", "outdoors")
    _freeze(press, "zoo")
    _freeze(press, "zoo")
    for channel in ("police", "zoo"):
        _leave(press, channel, "outdoors")
        assert _closed(press, channel) == [number]
    press.lift(number)
    assert _closed(press, "zoo") == []


def test_only_the_channel_s_own_groups_and_only_their_active_stops_are_kept(press: Press) -> None:
    """KS-7: a stop of something else, or one that is over, covers nobody who joins."""
    _join(press, "police", "safety")
    over = press.suspend("group:safety").suspension
    press.lift(over)
    everything = press.suspend().suspension
    other = press.suspend("group:outdoors").suspension
    channel = press.suspend("channel:pool").suspension
    mine = press.suspend("group:safety").suspension
    with writing(press.engine) as session:
        for number in (over, mine):
            session.delete(session.get_one(SuspensionChannel, (number, "police")))
    _freeze(press, "police")
    for number, frozen in ((over, False), (everything, False), (other, False), (channel, False), (mine, True)):
        with writing(press.engine) as session:
            found = session.get(SuspensionChannel, (number, "police")) is not None
        assert (number, found) == (number, frozen)
    _leave(press, "police", "safety")
    assert _closed(press, "police") == [everything, mine]
    assert mine not in _closed(press, "parks")


def test_keeping_one_channel_keeps_no_other(press: Press) -> None:
    """KS-7: who joined and left without a word was covered only while it was a member."""
    _join(press, "police", "safety")
    press.suspend("group:safety")
    _join(press, "parks", "safety")
    _freeze(press, "police")
    _leave(press, "parks", "safety")
    assert _closed(press, "parks") == []


def test_a_stop_of_one_channel_covers_no_group_of_that_name(press: Press) -> None:
    """KS-7: scope kinds are not mixed up."""
    _join(press, "police", "parks")
    channel = press.suspend("channel:parks").suspension
    assert _closed(press, "police") == []
    _freeze(press, "police")
    with writing(press.engine) as session:
        assert session.get(SuspensionChannel, (channel, "police")) is None
    number = press.suspend("group:parks").suspension
    assert _closed(press, "police") == [number]
    assert number not in _closed(press, "parks")
