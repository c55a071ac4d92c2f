"""What a feed holds: whole alerts, or links to them. Atom, RSS, and any wrapper around CAP alerts (FEMA's IPAWS)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from crisis.alerts import schema, xml_document
from crisis.alerts.alert import AlertError, shown

if TYPE_CHECKING:
    from lxml import etree

MAX_FEED_BYTES = 8 * 1_048_576
"""The Weather Service's feed of the whole country has some 5 MB on a bad day."""
MAX_ALERTS = 5_000
MAX_LINK = 2_000
CAP_TYPE = "application/cap+xml"
"""What to ask a server for (Accept): the Weather Service answers its links with JSON otherwise."""
_ATOM = "{http://www.w3.org/2005/Atom}"
_ALERT = schema.ROOT.rpartition("}")[2]


class Feed(NamedTuple):
    """`documents` go to `cap.parse` one by one, so that a bad one costs only itself; `links` are http(s) addresses.

    Whether a link may be fetched (which hosts) is the fetcher's to decide. `skipped` has a line for each entry without use.
    """

    documents: tuple[bytes, ...]
    links: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def read(data: bytes, source: str, base: str = "") -> Feed:
    """The alerts and links in `data`; relative links count from the address `base`. Raises AlertError when it is no feed."""
    root = xml_document.root(data, source, MAX_FEED_BYTES)
    if _is_alert(root):
        return Feed((data,), ())
    documents = tuple(_documents(root))
    entries = [entry for entry in _entries(root) if not any(map(_is_alert, entry.iter()))]
    if not documents and not entries and not _is_feed(root):
        message = "is neither a CAP alert nor a feed of them: give the address of a CAP, Atom or RSS document"
        raise AlertError(source, message, line=xml_document.line(root), value=str(root.tag))
    if len(documents) + len(entries) > MAX_ALERTS:
        raise AlertError(source, f"holds more than {MAX_ALERTS:,} alerts: give the feed of your state or county")
    return _with_links(documents, entries, base)


def _is_alert(node: etree._Element) -> bool:
    """True for an alert of any version: `cap.parse` says what is wrong with an old one, which is better than silence."""
    namespace, _, name = str(node.tag).rpartition("}")
    return name == _ALERT and namespace.startswith("{urn:oasis:names:tc:emergency:cap:")


def _is_feed(root: etree._Element) -> bool:
    """True for a feed that may well be empty just now."""
    return root.tag in (f"{_ATOM}feed", "rss", "channel") or str(root.tag).rpartition("}")[2] == "alerts"


def _documents(root: etree._Element) -> Iterator[bytes]:
    from lxml import etree

    # One that stands inside another is a part of it; counted before they are written out, which costs memory.
    outer = [node for node in filter(_is_alert, root.iter()) if not any(map(_is_alert, node.iterancestors()))]
    for node in outer[: MAX_ALERTS + 1]:
        yield etree.tostring(node, encoding="utf-8", xml_declaration=False, with_tail=False)


def _entries(root: etree._Element) -> list[etree._Element]:
    return [*root.iter(f"{_ATOM}entry"), *root.iter("item")]


def _with_links(documents: tuple[bytes, ...], entries: list[etree._Element], base: str) -> Feed:
    """The links in the feed's order, each once."""
    links: dict[str, None] = {}
    skipped = []
    for number, entry in enumerate(entries, 1):
        written = _link(entry)
        link = _usable(written, base)
        if link is None:
            skipped.append(f"entry {number}: {shown(written)!r} is no http(s) address of an alert: look at the feed")
        else:
            links[link] = None
    return Feed(documents, tuple(links), tuple(skipped))


def _link(entry: etree._Element) -> str:
    """Where the entry says its alert is: a link of CAP's own type first, then any, then an id that is an address."""
    found = [(node.get("type", ""), node.get("href", "")) for node in entry.iter(f"{_ATOM}link")]
    found += [(node.get("type", ""), node.get("url", "")) for node in entry.iter("enclosure")]
    typed = [address for kind, address in found if kind.partition(";")[0].strip().lower() == CAP_TYPE]
    plain = [address for kind, address in found if address and not kind.lower().startswith(("image/", "audio/"))]
    texts = [entry.findtext("link"), entry.findtext(f"{_ATOM}id"), entry.findtext("guid")]
    return next((word.strip() for word in (*typed, *plain, *texts) if word and word.strip()), "")


def _usable(written: str, base: str) -> str | None:
    if not written or len(written) > MAX_LINK or not written.isprintable() or " " in written:
        return None
    try:
        address = urljoin(base, written)
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.hostname else None
