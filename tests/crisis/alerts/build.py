"""CAP documents as senders write them, and the city's rules, for the tests of alerts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from crisis.alerts import cap, decision, rules
from crisis.alerts.alert import Key
from crisis.alerts.decision import Decision, Earlier
from crisis.alerts.rules import Rules

CAP_12 = "urn:oasis:names:tc:emergency:cap:1.2"
NWS, EMA = "w-nws.webmaster@noaa.gov", "ema@knox.example"
SENT, EXPIRES = "2026-05-01T12:00:00-05:00", "2026-05-01T13:00:00-05:00"
NOW_US = cap.moment_us("2026-05-01T12:05:00-05:00")
SUGGEST = rules.read(Path(__file__).with_name("suggest.toml"))
WHITELIST = rules.read(Path(__file__).with_name("whitelist.toml"))


def tag(name: str, *values: str) -> str:
    """An element for each value."""
    return "".join(f"<{name}>{escape(value)}</{name}>" for value in values)


def pair(name: str, kind: str, value: str) -> str:
    return f"<{name}>{tag('valueName', kind)}{tag('value', value)}</{name}>"


def area(*codes: str, words: str = "Knox", shape: str = "") -> str:
    """An area with codes such as ``SAME 047093``."""
    pairs = "".join(pair("geocode", *code.split(" ", 1)) for code in codes)
    return f"<area>{tag('areaDesc', words)}{shape}{pairs}</area>"


KNOX = area("SAME 047093", "UGC TNC093")


def info(
    event: str = "Tornado Warning",
    code: str = "TOR",
    degrees: str = "Extreme Immediate Observed",
    expires: str = EXPIRES,
    areas: str = KNOX,
    responses: Iterable[str] = ("Shelter",),
    language: str = "en-US",
    headline: str = "",
    onset: str = "",
) -> str:
    """An info; `degrees` are severity, urgency and certainty, empty texts leave the element out."""
    severity, urgency, certainty = degrees.split()
    return (
        f"<info>{tag('language', language)}{tag('category', 'Met')}{tag('event', event)}{tag('responseType', *responses)}"
        f"{tag('urgency', urgency)}{tag('severity', severity)}{tag('certainty', certainty)}"
        f"{pair('eventCode', 'SAME', code) if code else ''}{tag('onset', onset) if onset else ''}"
        f"{tag('expires', expires) if expires else ''}{tag('headline', headline) if headline else ''}{areas}</info>"
    )


def alert(
    *infos: str,
    name: str = "A1",
    sender: str = NWS,
    sent: str = SENT,
    status: str = "Actual",
    kind: str = "Alert",
    scope: str = "Public",
    note: str = "",
    references: str = "",
    namespace: str = CAP_12,
) -> bytes:
    """A whole document; without `infos` it holds none."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="{namespace}">\n{tag("identifier", name)}\n'
        f"{tag('sender', sender)}\n{tag('sent', sent)}\n{tag('status', status)}\n{tag('msgType', kind)}\n"
        f"{tag('scope', scope)}\n"
        f"{tag('note', note) if note else ''}{tag('references', references) if references else ''}{''.join(infos)}</alert>\n"
    ).encode()


def tornado(**said: str) -> bytes:
    """A tornado warning for the city, as strong as can be."""
    return alert(info(), **said)


def reference(name: str = "A1", sender: str = NWS, sent: str = SENT) -> str:
    return f"{sender},{name},{sent}"


def update(*infos: str, sent: str = "2026-05-01T12:02:00-05:00", **said: str) -> bytes:
    """An update of A1, unless `references` says otherwise."""
    return alert(*infos, **{"name": "A2", "kind": "Update", "references": reference(), **said, "sent": sent})


def cancel(*infos: str, **said: str) -> bytes:
    """A cancel of A1, unless `references` says otherwise."""
    return alert(*infos, **{"name": "A9", "kind": "Cancel", "references": reference(), **said})


def decided(document: bytes, by: Rules = SUGGEST, before: Iterable[bytes] = (), now_us: int = NOW_US) -> Decision:
    """What comes of `document` after those `before` it, each parsed and decided in turn."""
    past: dict[Key, Earlier] = {}
    for earlier in before:
        made = decision.decide(cap.parse(earlier, "earlier"), by, past, now_us)
        if not made.again:
            past[made.key] = made.kept
    return decision.decide(cap.parse(document, "alert.xml"), by, past, now_us)


def said(made: Decision) -> str:
    """All that people are told."""
    return " | ".join((*made.reasons, *made.doubts))
