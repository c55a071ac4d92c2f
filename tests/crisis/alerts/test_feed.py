"""Feeds: whole alerts or links, whatever wraps them; bounded, and never a reason to lose the other alerts."""

from __future__ import annotations

import pytest

from crisis.alerts import cap, feed
from crisis.alerts.alert import AlertError
from tests.crisis.alerts.build import alert, info, tornado

ATOM = "http://www.w3.org/2005/Atom"
INLINE = alert(info(headline="a & b <c>")).decode().partition("?>")[2]


def _atom(*entries: str) -> bytes:
    return f'<?xml version="1.0"?><feed xmlns="{ATOM}"><id>x</id><link href="https://x.example/self"/>{"".join(entries)}</feed>'.encode()


def _entry(*parts: str) -> str:
    return f"<entry>{''.join(parts)}</entry>"


def _links(data: bytes, base: str = "") -> tuple[str, ...]:
    found = feed.read(data, "feed", base)
    assert (found.documents, found.skipped) == ((), ())
    return found.links


def test_a_single_alert_is_a_feed_of_one() -> None:
    """KS-24: an address may answer with the alert itself; its bytes are left as they are."""
    assert feed.read(tornado(), "feed") == feed.Feed((tornado(),), ())


@pytest.mark.parametrize(
    "wrapped",
    [
        f'<n:alerts xmlns:n="http://gov.fema.ipaws.services/feed">{INLINE}\n{INLINE}</n:alerts>',
        f'<feed xmlns="{ATOM}">{_entry("<content>", INLINE, "</content>") * 2}</feed>',
        f"<rss><channel><item><link>https://x.example/1</link>{INLINE}</item><item>{INLINE}</item></channel></rss>",
    ],
    ids=["ipaws", "atom", "rss"],
)
def test_embedded_alerts_come_out_whole(wrapped: str) -> None:
    """KS-24: an alert inside a feed reads as if it had come alone, and its entry's link is not asked for."""
    found = feed.read(wrapped.encode(), "feed")
    assert [cap.parse(document, "x") for document in found.documents] == [cap.parse(INLINE.encode(), "x")] * 2
    assert (found.links, found.skipped) == ((), ())


def test_a_bad_alert_costs_only_itself() -> None:
    """KS-24: one of two is of CAP 1.1; it is handed on to be refused by name, and the other is read."""
    old = INLINE.replace("cap:1.2", "cap:1.1")
    found = feed.read(f"<alerts>{old}{INLINE}</alerts>".encode(), "feed")
    with pytest.raises(AlertError, match=r"1\.1"):
        cap.parse(found.documents[0], "x")
    assert cap.parse(found.documents[1], "x").key.identifier == "A1"


def test_links_of_the_weather_service() -> None:
    """KS-24: entries that tell an alert in short and link it; each link once, in the feed's order."""
    told = (
        '<event xmlns="urn:oasis:names:tc:emergency:cap:1.2">Tornado Warning</event><link rel="alternate" href="{}"/>'
    )
    first, second = "https://api.weather.example/alerts/urn:oid:1", "https://api.weather.example/alerts/urn:oid:2"
    entries = [_entry(told.format(address)) for address in (second, first, second)]
    assert _links(_atom(*entries)) == (second, first)


@pytest.mark.parametrize(
    ("entry", "link"),
    [
        ('<link href="https://x.example/page"/><link type="application/cap+xml" href="https://x.example/cap"/>', "cap"),
        ('<link type="Application/CAP+xml; charset=utf-8" href="https://x.example/cap"/>', "cap"),
        ('<link type="image/png" href="https://x.example/map"/><link href="https://x.example/page"/>', "page"),
        ("<id>https://x.example/id</id>", "id"),
        ('<link href=" https://x.example/blanks\n"/>', "blanks"),
    ],
)
def test_the_link_to_the_alert_is_chosen(entry: str, link: str) -> None:
    """KS-24: CAP's own type first, then any that is no picture, then an id that is an address."""
    assert _links(_atom(_entry(entry))) == (f"https://x.example/{link}",)


@pytest.mark.parametrize(
    "item",
    [
        "<link>https://x.example/a</link>",
        '<link>https://x.example/page</link><enclosure type="application/cap+xml" url="https://x.example/a"/>',
        "<guid>https://x.example/a</guid>",
    ],
)
def test_rss_links(item: str) -> None:
    """KS-24: RSS names an alert in link, enclosure or guid."""
    assert _links(f"<rss><channel><link>https://x.example/</link><item>{item}</item></channel></rss>".encode()) == (
        "https://x.example/a",
    )


def test_relative_links_count_from_the_feed() -> None:
    assert _links(_atom(_entry('<link href="a/1.xml"/>')), "https://x.example/feeds/all.atom") == (
        "https://x.example/feeds/a/1.xml",
    )


@pytest.mark.parametrize(
    "address",
    [
        "",
        "file:///etc/passwd",
        "ftp://x.example/a",
        "a/1.xml",
        "javascript:alert(1)",
        "https://",
        "http://[",
        "https://x y/",
        "https://x.example/" + "x" * 2000,
    ],
)
def test_an_address_that_cannot_be_asked_is_named(address: str) -> None:
    """SE-4: nothing but http(s) is handed on; the entry is named in one line, and the others are still there."""
    found = feed.read(_atom(_entry(f'<link href="{address}"/>'), _entry('<link href="https://x.example/2"/>')), "feed")
    assert found.links == ("https://x.example/2",)
    (skipped,) = found.skipped
    assert skipped.startswith("entry 1: ")
    assert "is no http(s) address of an alert: look at the feed" in skipped
    assert skipped.isprintable()


@pytest.mark.parametrize("data", [_atom(), b"<rss><channel/></rss>", b'<n:alerts xmlns:n="x"/>'])
def test_an_empty_feed_is_no_fault(data: bytes) -> None:
    """KS-24: most of the time there is no alert."""
    assert feed.read(data, "feed") == feed.Feed((), ())


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"<html><body/></html>", "feed:1: 'html': is neither a CAP alert nor a feed of them: give the address"),
        (b'{"features": []}', "feed:1: is not well-formed XML"),
        (b"<!DOCTYPE feed>" + _atom(), "feed:1: '<!DOCTYPE': an alert may not declare"),
        (b" " * (feed.MAX_FEED_BYTES + 1), "feed: has 8,388,609 bytes, more than 8,388,608"),
        (_atom("<entry/>" * (feed.MAX_ALERTS + 1)), "feed: holds more than 5,000 alerts: give the feed of your state"),
    ],
    ids=["a page", "json", "a document type", "too large", "too many"],
)
def test_what_is_no_feed_is_one_line(data: bytes, part: str) -> None:
    """SE-4: bounded and without a document type, like a single alert."""
    with pytest.raises(AlertError) as caught:
        feed.read(data, "feed")
    assert part in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_largest_number_is_read() -> None:
    assert (
        len(_links(_atom(*(_entry(f'<link href="https://x.example/{n}"/>') for n in range(feed.MAX_ALERTS))))) == 5_000
    )


def test_an_alert_inside_an_alert_is_a_part_of_it_and_costs_no_memory() -> None:
    """SE-4: else each of n nested ones would be written out with all within it."""
    nested = INLINE
    for _ in range(5):
        nested = INLINE.replace("</alert>", f"{nested}</alert>")
    found = feed.read(f'<n:alerts xmlns:n="x">{nested}{INLINE}</n:alerts>'.encode(), "feed")
    assert len(found.documents) == 2
