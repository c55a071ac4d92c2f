"""The decision table: what a document comes to, for a city in Knox County, Tennessee, at 12:05 on 1 May 2026 (UTC-5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from crisis.alerts.place import Place
from crisis.alerts.rules import Rules
from tests.crisis.alerts.build import (
    EMA,
    KNOX,
    SUGGEST,
    WHITELIST,
    alert,
    area,
    cancel,
    info,
    reference,
    tag,
    tornado,
    update,
)

IGNORE, NOTE, PERSON, HOLD, REFUSED = "ignore", "note", "suggest", "hold", "refused"


@dataclass(frozen=True)
class Case:
    """`says` must stand in what people are told; `doubt` in what a person must judge (None: there must be no doubt)."""

    name: str
    document: bytes
    kind: str
    says: str = ""
    doubt: str | None = None
    mark: str = ""
    by: Rules = SUGGEST
    before: tuple[bytes, ...] = ()
    scopes: tuple[str, ...] = ()


def _at(*codes: str, words: str = "Knox", shape: str = "") -> bytes:
    """A tornado warning for an area with `codes` alone."""
    return alert(info(areas=area(*codes, words=words, shape=shape)))


def _degrees(degrees: str) -> bytes:
    return alert(info(degrees=degrees))


CIRCLE = tag("circle", "35.96,-83.92 20.0")
PART = replace(SUGGEST, place=Place(frozenset({"347093"}), frozenset()))
BOTH = replace(SUGGEST, place=Place(frozenset({"047093", "347093"}), frozenset()))
WEST = replace(SUGGEST, place=Place(frozenset({"047093"}), frozenset()))

PLACES = [
    Case("our county", tornado(), PERSON, "SAME 047093 (Knox): the whole county"),
    Case("a part of our county", _at("SAME 347093"), PERSON, doubt="it names part 3 of the county"),
    Case("the part in which the city lies", _at("SAME 347093"), PERSON, "our part (3) of the county", by=PART),
    Case("the county around the city's part", _at("SAME 047093"), PERSON, "the whole county", by=PART),
    Case("the part, for a city that gave both", _at("SAME 347093"), PERSON, "our part (3) of the county", by=BOTH),
    Case("another part than the city's", _at("SAME 447093"), IGNORE, "holds elsewhere (Knox)", by=PART),
    Case(
        "the same county digits in another state", _at("SAME 048093", words="Comanche"), IGNORE, "elsewhere (Comanche)"
    ),
    Case("a part code in another state", _at("SAME 348093"), IGNORE, "holds elsewhere"),
    Case("the county digits in another county's part", _at("SAME 093047"), IGNORE, "holds elsewhere"),
    Case("the whole state", _at("SAME 047000", words="Tennessee"), PERSON, "SAME 047000 (Tennessee): the whole state"),
    Case("another whole state", _at("SAME 048000"), IGNORE, "holds elsewhere"),
    Case("a part of the state", _at("SAME 147000"), PERSON, doubt="part 1 of the state: see whether the city lies"),
    Case("the whole country", _at("SAME 000000"), PERSON, "the whole country"),
    Case("a part of the country", _at("SAME 200000"), PERSON, doubt="part 2 of the country"),
    Case("zones alone, ours", _at("UGC TNZ069"), PERSON, "UGC TNZ069 (Knox): our zone"),
    Case("zones alone, others", _at("UGC TNZ070", "UGC TNZ068"), IGNORE, "holds elsewhere"),
    Case("zones alone for a city that gave counties alone", _at("UGC TNZ069"), IGNORE, "holds elsewhere", by=WEST),
    Case("a UGC county", _at("UGC TNC093"), PERSON, "our county"),
    Case("UGC of another state", _at("UGC KYC093", "UGC KYZ069"), IGNORE, "holds elsewhere"),
    Case("a zone with the county's number", _at("UGC TNZ093"), IGNORE, "holds elsewhere"),
    Case("all zones of the state", _at("UGC TNZ000"), PERSON, "the whole state"),
    Case("all zones of another state", _at("UGC KYZ000", "UGC KYCALL"), IGNORE, "holds elsewhere"),
    Case("all counties of the state", _at("UGC TNCALL"), PERSON, "the whole state"),
    Case("the older word for SAME", _at("FIPS6 047093"), PERSON, "SAME 047093"),
    Case("several codes in one value", _at("SAME 047001 047093"), PERSON, "SAME 047093"),
    Case("small letters", _at("ugc tnz069"), PERSON, "our zone"),
    Case("the second area is ours", alert(info(areas=area("SAME 047001") + KNOX)), PERSON, "the whole county"),
    Case("a circle and no code", _at(shape=CIRCLE, words="Hill"), PERSON, doubt="not said in SAME or UGC codes (Hill)"),
    Case("no area at all", alert(info(areas="")), PERSON, doubt="codes (no area): see whether"),
    Case("codes of a kind that nobody here reads", _at("CLC 047093"), PERSON, doubt="not said in SAME or UGC codes"),
    Case("five digits", _at("SAME 47093"), PERSON, doubt="not said in SAME or UGC codes"),
    Case("the list of a text product", _at("UGC TNZ068>070-075"), PERSON, doubt="not said in SAME or UGC codes"),
    Case("a circle beside codes of elsewhere", _at("SAME 047001", shape=CIRCLE), IGNORE, "holds elsewhere"),
    Case(
        "the rules name no place",
        tornado(),
        IGNORE,
        "fill [place]",
        by=replace(SUGGEST, place=Place(frozenset(), frozenset())),
    ),
]

DEGREES = [
    Case("just at the bar", _degrees("Severe Expected Likely"), PERSON, "Severe, Expected, Likely"),
    Case("too mild", _degrees("Moderate Immediate Observed"), IGNORE, "severity Moderate is less than Severe"),
    Case("too far off", _degrees("Extreme Future Observed"), IGNORE, "urgency Future is less than Expected"),
    Case("too unsure", _degrees("Extreme Immediate Possible"), IGNORE, "certainty Possible is less than Likely"),
    Case("already past", _degrees("Extreme Past Observed"), IGNORE, "urgency Past is less than Expected"),
    Case(
        "an unknown triple",
        _degrees("Unknown Unknown Unknown"),
        PERSON,
        doubt="severity and urgency and certainty unknown",
    ),
    Case("only the severity unknown", _degrees("Unknown Immediate Observed"), PERSON, doubt="severity unknown"),
    Case("unknown, and below the bar", _degrees("Unknown Past Unknown"), IGNORE, "urgency Past"),
    Case(
        "not on the list of events", alert(info("Flood Warning", "FLW")), IGNORE, "not among the events", by=WHITELIST
    ),
    Case("on the list by code", alert(info("Child Abduction", "CAE")), PERSON, by=WHITELIST),
    Case("on the list by name", alert(info("severe thunderstorm WARNING", "SVS")), PERSON, by=WHITELIST),
    Case("no code of an event", alert(info(code="")), PERSON, "Tornado Warning: Extreme"),
]

TIMES = [
    Case("over when it came", alert(info(expires="2026-05-01T12:04:59-05:00")), IGNORE, "was over when it came"),
    Case("over at this second", alert(info(expires="2026-05-01T13:05:00-04:00")), IGNORE, "was over when it came"),
    Case(
        "not over for a second", alert(info(expires="2026-05-01T12:05:01-05:00")), PERSON, "until 2026-05-01T17:05:01"
    ),
    Case("no end, sent just now", alert(info(expires="")), PERSON),
    Case(
        "no end, sent the day before", alert(info(expires=""), sent="2026-04-30T12:05:00-05:00"), IGNORE, "names no end"
    ),
    Case("still to begin", alert(info(onset="2026-05-01T12:50:00-05:00")), PERSON),
    Case(
        "sent in the future",
        tornado(sent="2026-05-01T12:16:00-05:00"),
        PERSON,
        doubt="sent in the future",
        by=WHITELIST,
    ),
]

UNKNOWN = "Unknown Unknown Unknown"
WEEKLY = alert(info("Required Weekly Test", "RWT", UNKNOWN))
EXERCISE = tornado(status="Exercise")

TESTS = [
    Case("Actual with a weekly test's code", WEEKLY, NOTE, "RWT, that of a test", "unknown", "TEST"),
    Case("a weekly test of no weight", alert(info("Test", "RWT", "Minor Past Observed")), IGNORE, mark="TEST"),
    Case("a monthly test", alert(info("Required Monthly Test", "RMT")), NOTE, "RMT", "a test", "TEST"),
    Case("a demonstration that the whitelist names", alert(info(code="DMO")), IGNORE, "DMO", mark="TEST", by=WHITELIST),
    Case(
        "the national test",
        alert(info("Nationwide Test", "NPT", areas=area("SAME 000000"))),
        NOTE,
        "NPT",
        "a test",
        "TEST",
    ),
    Case(
        "a test's name without a code", alert(info("Required Weekly Test", "")), NOTE, "event is that", "a test", "TEST"
    ),
    Case("status Exercise", EXERCISE, NOTE, "EXERCISE: its status is Exercise", mark="EXERCISE"),
    Case("status Test", tornado(status="Test"), NOTE, "if it were meant, it would be worth a suggestion", mark="TEST"),
    Case("status System", tornado(status="System"), NOTE, "its status is System", mark="TEST"),
    Case("status Draft", tornado(status="Draft"), NOTE, "its status is Draft", mark="TEST"),
    Case("an exercise that the whitelist covers", EXERCISE, IGNORE, mark="EXERCISE", by=WHITELIST),
    Case("an exercise elsewhere", alert(info(areas=area("SAME 048093")), status="Exercise"), IGNORE, mark="EXERCISE"),
    Case("not for the public", tornado(scope="Restricted"), PERSON, "do not pass it on", mark="NOT PUBLIC"),
    Case("private, and on the whitelist", tornado(scope="Private"), PERSON, mark="NOT PUBLIC", by=WHITELIST),
    Case(
        "its headline says exercise",
        alert(info(headline="EXERCISE ONLY")),
        PERSON,
        doubt="speak of a test",
        by=WHITELIST,
    ),
    Case("its note says test", tornado(note="this is a test"), PERSON, doubt="speak of a test", by=WHITELIST),
    Case("one info of two is a test", alert(info(), info("x", "RWT")), PERSON, doubt="marked as a test", by=WHITELIST),
]

ELSEWHERE = area("SAME 048093")
MILD = info(degrees="Minor Future Possible")

OVER = "2026-05-01T12:01:00-05:00"

SEVERAL = [
    Case("the strictest of three", alert(MILD, info(), info(degrees="Severe Expected Likely")), PERSON, "Extreme"),
    Case("two languages, one suggestion", alert(info(), info("Aviso", language="es-US")), PERSON, "Tornado Warning"),
    Case("the strong one is over", alert(info(expires=OVER), MILD), IGNORE, "was over"),
    Case(
        "the strongest is over", alert(info(expires=OVER), info(degrees="Severe Expected Likely")), PERSON, "Severe, E"
    ),
    Case("the strong one is elsewhere", alert(MILD, info(areas=ELSEWHERE)), IGNORE, "severity Minor is less"),
    Case("an all-clear", alert(info(responses=["AllClear"])), IGNORE, "is an all-clear", by=WHITELIST),
    Case("all-clear and shelter", alert(info(responses=["AllClear", "None"])), PERSON, doubt="at once", by=WHITELIST),
    Case("no info", alert(), IGNORE, "holds no info"),
    Case("an acknowledgement", tornado(kind="Ack"), IGNORE, "between systems (Ack)"),
    Case("a report of an error", tornado(kind="Error"), IGNORE, "between systems (Error)"),
]

EVACUATE = info("Evacuation Immediate", "EVI", "Severe Immediate Likely")
LIKELY = alert(info("Evacuation", "EVI", "Extreme Immediate Likely"), sender=EMA)

HOLDS = [
    Case(
        "the whitelist covers it",
        tornado(),
        HOLD,
        "rule 1 of the whitelist",
        by=WHITELIST,
        scopes=("all",),
    ),
    Case("a part of it", alert(EVACUATE, sender=EMA), HOLD, "rule 2", by=WHITELIST, scopes=("group:safety",)),
    Case("no whitelist", tornado(), PERSON),
    Case("another sender", tornado(sender="w-nws.webmaster@noaa.example"), IGNORE, "not among", by=WHITELIST),
    Case("another sender, on the list of events", alert(info(code="CAE"), sender="x@y.example"), PERSON, by=WHITELIST),
    Case("below the whitelist's bar", alert(info(degrees="Severe Expected Likely")), IGNORE, "not among", by=WHITELIST),
    Case("unknown is never held", _degrees("Unknown Immediate Observed"), PERSON, doubt="unknown", by=WHITELIST),
    Case("a part of the county is never held", _at("SAME 347093"), PERSON, doubt="part 3", by=WHITELIST),
    Case("a part and the whole county", _at("SAME 347093", "SAME 047093"), HOLD, by=WHITELIST, scopes=("all",)),
    Case("no code of a place is never held", _at(shape=CIRCLE), PERSON, doubt="codes", by=WHITELIST),
]

WEAKER = update(info(degrees="Moderate Expected Likely"))
SECOND = reference("A2", sent="2026-05-01T12:02:00-05:00")
SEVERE = alert(info(degrees="Severe Immediate Observed"))
THIRD = update(info(degrees="Extreme Immediate Observed"), name="A3", references=SECOND)
FOREIGN = {"sender": EMA}

CHAINS = [
    Case("cancel without info", cancel(), NOTE, "nothing is lifted", before=(tornado(),)),
    Case("cancel of what held", cancel(), NOTE, "decided: hold | nothing is lifted", by=WHITELIST, before=(tornado(),)),
    Case(
        "cancel with an all-clear", cancel(info(responses=["AllClear"])), NOTE, "nothing is lifted", before=(tornado(),)
    ),
    Case("cancel of nothing known", cancel(), IGNORE, "cancels nothing that was told"),
    Case("cancel of what was ignored", cancel(), IGNORE, "cancels nothing", before=(alert(MILD),)),
    Case("cancel without references", cancel(references=" "), IGNORE, "cancels nothing", before=(tornado(),)),
    Case("cancel by another sender", cancel(**FOREIGN), NOTE, "nothing is lifted", "not trusted", before=(tornado(),)),
    Case(
        "cancel naming itself as sender",
        cancel(references=reference(sender=EMA), sender=EMA),
        IGNORE,
        before=(tornado(),),
    ),
    Case(
        "cancel of another moment",
        cancel(references=reference(sent="2026-05-01T12:00:01-05:00")),
        IGNORE,
        before=(tornado(),),
    ),
    Case(
        "cancel of the same moment in another offset",
        cancel(references=reference(sent="2026-05-01T17:00:00-00:00")),
        NOTE,
        before=(tornado(),),
    ),
    Case(
        "a test's cancel of a real alert",
        cancel(status="Test"),
        NOTE,
        "",
        "ask the sender",
        "TEST",
        before=(tornado(),),
    ),
    Case("weaker update", WEAKER, NOTE, "severity Moderate is less than Severe | it continues A1", before=(tornado(),)),
    Case("weaker update of nothing known", WEAKER, IGNORE, "severity Moderate"),
    Case("update that moved away", update(info(areas=ELSEWHERE)), NOTE, "nothing is lifted", before=(tornado(),)),
    Case("update without info", update(), NOTE, "nothing is lifted", before=(tornado(),)),
    Case("update that says as much", update(info()), NOTE, "is no stronger than that", before=(tornado(),)),
    Case("stronger update", update(info()), PERSON, "Extreme", before=(SEVERE,)),
    Case("update of nothing known", update(info()), PERSON, "Extreme"),
    Case("update of what was ignored", update(info()), PERSON, "Extreme", before=(alert(MILD),)),
    Case(
        "weaker, then strong again",
        update(info(), name="A3", sent="2026-05-01T12:04:00-05:00"),
        NOTE,
        before=(tornado(), WEAKER),
    ),
    Case(
        "weaker, then strong again, said of the weaker",
        update(info(), name="A3", references=f"{reference()} {SECOND}"),
        PERSON,
        before=(tornado(), WEAKER),
    ),
    Case("weaker update by another sender", update(MILD, **FOREIGN), NOTE, "", "not trusted", before=(tornado(),)),
    Case("strong update by another sender", update(info(), **FOREIGN), PERSON, "", "not trusted", before=(tornado(),)),
    Case(
        "whitelisted update by another sender",
        update(EVACUATE, **FOREIGN),
        PERSON,
        "",
        "which w-nws.webmaster@noaa.gov sent and not ema@knox.example",
        by=WHITELIST,
        before=(tornado(),),
    ),
    Case(
        "update onto the whitelist",
        update(EVACUATE, sender=EMA, references=reference(sender=EMA)),
        HOLD,
        by=WHITELIST,
        before=(alert(info("Evacuation", "CAE", "Severe Immediate Likely"), sender=EMA),),
        scopes=("group:safety",),
    ),
    Case(
        "update of what held",
        update(info()),
        NOTE,
        "decided: hold",
        "held once already",
        by=WHITELIST,
        before=(tornado(),),
    ),
    Case(
        "stronger update of what held",
        update(info("Evacuation", "EVI"), **FOREIGN, references=reference(sender=EMA)),
        PERSON,
        "",
        "held once already",
        by=WHITELIST,
        before=(alert(EVACUATE, sender=EMA),),
    ),
    Case("unreadable reference", update(info(), references="A1"), PERSON, "", "refers to 'A1', which names no alert"),
    Case(
        "unreadable reference, whitelisted", update(info(), references="A1"), PERSON, "", "names no alert", by=WHITELIST
    ),
    Case(
        "exercise about a real alert",
        update(info(), status="Exercise"),
        NOTE,
        "",
        "ask the sender",
        "EXERCISE",
        before=(tornado(),),
    ),
    Case("real update of an exercise", update(info()), PERSON, before=(EXERCISE,)),
    Case("real, weak update of an exercise", update(MILD), IGNORE, "severity Minor", before=(EXERCISE,)),
    Case("real cancel of an exercise", cancel(), IGNORE, "cancels nothing that was told", before=(EXERCISE,)),
    Case(
        "strong again after a hold, told of the weak",
        THIRD,
        PERSON,
        "",
        "held once",
        by=WHITELIST,
        before=(tornado(), WEAKER),
    ),
    Case(
        "exercise of an exercise",
        update(MILD, status="Exercise"),
        NOTE,
        "nothing is lifted",
        mark="EXERCISE",
        before=(EXERCISE,),
    ),
]

AGAIN = [
    Case("the same alert again", tornado(), IGNORE, "was decided before: suggest", before=(tornado(),)),
    Case("what held, again", tornado(), IGNORE, "was decided before: hold", by=WHITELIST, before=(tornado(),)),
    Case("a cancel again", cancel(), IGNORE, "was decided before: note", before=(tornado(), cancel())),
    Case("the same name, sent later", tornado(sent="2026-05-01T12:03:00-05:00"), PERSON, before=(tornado(),)),
    Case("the same key, stronger words", tornado(), PERSON, "", "came before in other words", before=(alert(MILD),)),
    Case(
        "the same key, whitelisted words", tornado(), PERSON, "", "in other words", by=WHITELIST, before=(alert(MILD),)
    ),
    Case("the same key, weaker words", alert(MILD), IGNORE, "was decided before: suggest", before=(tornado(),)),
]

DTD = tornado().replace(b"<alert", b"<!DOCTYPE alert [<!ENTITY x 'y'>]>\n<alert", 1)

BAD = [
    Case("a document type", DTD, REFUSED, "alert.xml:2: '<!DOCTYPE': an alert may not declare a document type"),
    Case("5 MB", tornado(note="x" * 5_000_000), REFUSED, "bytes, more than 1,048,576: nothing of it was read"),
    Case("CAP 1.1", alert(info(), namespace="urn:oasis:names:tc:emergency:cap:1.1"), REFUSED, "only CAP 1.2 is read"),
    Case("no alert", b"<html/>", REFUSED, "'html': is no CAP alert"),
    Case("a degree of its own", _degrees("Dreadful Immediate Observed"), REFUSED, "'Dreadful' is not an element"),
    Case("a moment without zone", tornado(sent="2026-05-01T12:00:00"), REFUSED, "is not as CAP 1.2 has it"),
]

TABLE = [*PLACES, *DEGREES, *TIMES, *TESTS, *SEVERAL, *HOLDS, *CHAINS, *AGAIN, *BAD]
