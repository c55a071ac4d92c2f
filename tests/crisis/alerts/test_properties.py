"""Whatever the bytes, reading gives an alert or one line; whatever the alert, nothing doubtful is held."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crisis.alerts import cap, decision, feed, mark
from crisis.alerts.alert import Alert, AlertError, Key
from crisis.alerts.rules import SCALES
from tests.crisis.alerts.build import CAP_12, EMA, NOW_US, NWS, WHITELIST, alert, area, info, reference, update

MODEST = settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
VALID = update(
    info(headline="One & <two>", onset="2026-05-01T12:30:00-05:00"),
    info("Aviso", language="es-US"),
    note="n",
    scope="Public",
).decode()
PIECES = [
    "<",
    ">",
    "&",
    "&amp;",
    "&#0;",
    "&#x1F600;",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<?x ?>",
    "<!DOCTYPE a>",
    "<!ENTITY x 'y'>",
]
PIECES += [
    'xmlns="urn:x"',
    CAP_12,
    "</info>",
    "<info>",
    "</alert>",
    "<alert>",
    "<identifier/>",
    "\0",
    "\ufeff",
    "\u202e",
    "\r",
]
PIECES += [
    "047093",
    "TNZ000",
    "Actual",
    "Unknown",
    "Cancel",
    "24:00:00",
    "9999-12-31",
    "+14:00",
    "-00:00",
    "Z",
    ",",
    " ",
    "\n",
]
PIECES += ["UTF-16", "cp037", "iso-8859-1", "\u0660", "\U0001f600", "x" * 600]


def _read(data: bytes) -> Alert | str:
    """The alert in `data`, else the one line that says why it is none."""
    try:
        return cap.parse(data, "a.xml")
    except AlertError as error:
        return str(error)


def _fed(data: bytes) -> feed.Feed | str:
    try:
        return feed.read(data, "a.xml")
    except AlertError as error:
        return str(error)


def _judge(data: bytes) -> None:
    """An alert that can be decided on, or one line that says what to do; the same for a feed."""
    for found in (_read(data), _fed(data)):
        if isinstance(found, Alert):
            made = decision.decide(found, WHITELIST, {}, NOW_US)
            assert all(line.isprintable() for line in (*made.reasons, *made.doubts))
            assert decision.decide(found, WHITELIST, {made.key: made.kept}, NOW_US).again
        elif isinstance(found, str):
            assert found.startswith("a.xml")
            assert found.isprintable()


@MODEST
@given(data=st.binary(max_size=400))
def test_any_bytes_are_an_alert_or_one_line(data: bytes) -> None:
    """KS-24, SE-4: never a traceback."""
    _judge(data)


CUTS = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 30), st.one_of(st.sampled_from(PIECES), st.text(max_size=4))),
    min_size=1,
    max_size=4,
)


@settings(MODEST, max_examples=1500)
@given(cuts=CUTS)
def test_a_valid_alert_with_changes_is_an_alert_or_one_line(cuts: list[tuple[int, int, str]]) -> None:
    """KS-24, SE-4: a document that was cut, spliced or given strange characters."""
    text = VALID
    for at, length, piece in cuts:
        place = at % len(text)
        text = text[:place] + piece + text[place + length :]
    _judge(text.encode("utf-8", "surrogatepass"))


@settings(MODEST, max_examples=400)
@given(
    at=st.integers(0, len(VALID) - 1),
    byte=st.integers(0, 255),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-be"]),
)
def test_a_single_byte_changed_is_an_alert_or_one_line(at: int, byte: int, encoding: str) -> None:
    """KS-24, SE-4: one byte wrong, in encodings that are read and in one that is not."""
    data = bytearray(VALID.encode(encoding))
    data[at] = byte
    _judge(bytes(data))


def _degrees() -> st.SearchStrategy[str]:
    words = [st.sampled_from([*scale, "Unknown"]) for scale in SCALES.values()]
    return st.tuples(*words).map(" ".join)


INFOS = st.builds(
    info,
    event=st.sampled_from(["Tornado Warning", "Required Weekly Test", "Flood", "Drill"]),
    code=st.sampled_from(["TOR", "EVI", "RWT", "DMO", ""]),
    degrees=_degrees(),
    expires=st.sampled_from(["", "2026-05-01T12:04:00-05:00", "2026-05-01T18:00:00-05:00"]),
    areas=st.sampled_from(
        [area("SAME 047093"), area("SAME 347093"), area("UGC TNZ069"), area("SAME 048093"), area(), ""]
    ),
    responses=st.lists(st.sampled_from(["Shelter", "AllClear"]), max_size=2),
)
ALERTS = st.builds(
    lambda infos, name, sender, refers, **said: alert(
        *infos, name=name, sender=sender, references=" ".join(refers), **said
    ),
    infos=st.lists(INFOS, max_size=3),
    name=st.sampled_from(["A1", "A2", "A3"]),
    sender=st.sampled_from([NWS, EMA]),
    refers=st.lists(st.builds(reference, st.sampled_from(["A1", "A2", "A3"]), st.sampled_from([NWS, EMA])), max_size=3),
    status=st.sampled_from(["Actual", "Actual", "Actual", "Exercise", "Test", "System", "Draft"]),
    kind=st.sampled_from(["Alert", "Alert", "Update", "Cancel", "Ack", "Error"]),
    scope=st.sampled_from(["Public", "Public", "Public", "Private"]),
)


@settings(MODEST, max_examples=500)
@given(documents=st.lists(ALERTS, min_size=1, max_size=5))
def test_whatever_comes_in_whatever_order(documents: list[bytes]) -> None:
    """KS-24: a hold is whitelisted, undoubted and unmarked, happens once in a chain, and nothing is done twice."""
    past: dict[Key, decision.Earlier] = {}
    for document in documents:
        found = cap.parse(document, "a.xml")
        made = decision.decide(found, WHITELIST, past, NOW_US)
        if made.kind == "hold":
            assert found.msg_type in ("Alert", "Update")
            assert (found.status, found.scope, made.mark, made.doubts) == ("Actual", "Public", "", ())
            assert not any(mark.of(found, one)[0] for one in found.infos)
            assert not any(past[key].held for key in found.references if key in past and key.sender == found.key.sender)
        if made.kind == "suggest":
            assert found.msg_type in ("Alert", "Update")
        if not made.again:
            past[made.key] = made.kept
        assert decision.decide(found, WHITELIST, past, NOW_US).again
