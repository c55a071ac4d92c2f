"""Faults on demand: what each does, as data, and which requests the active ones meet.

A fault either lets the platform do what was asked or not (`accepts`, which a rule may turn round with ``accept``), and then
shapes what the client gets to see of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from config import clock
from sandbox import facebook_answers as facebook
from sandbox import x_answers as x
from sandbox.messages import Answer, Platform, Request, json_answer
from sandbox.wire import PIECE, Hangup, Wire, head


@dataclass(frozen=True)
class Options:
    """What a rule may set of a fault: its duration, the size of a huge body (MB), where a redirect leads."""

    seconds: float = 30.0
    megabytes: int = 32
    to: str = ""


@dataclass(frozen=True)
class Scene:
    """One request that met a fault: `answer` is the platform's own, or a 503 when it did not do what was asked."""

    wire: Wire
    platform: Platform
    request: Request
    answer: Answer
    options: Options


@dataclass(frozen=True)
class Fault:
    """`deliver` shows the client something, or nothing; `late`: the platform acts only after `seconds`."""

    summary: str
    accepts: bool
    deliver: Callable[[Scene], None]
    late: bool = False
    platform: Platform | None = None


def _say(by_platform: Callable[[Platform], Answer]) -> Callable[[Scene], None]:
    return lambda scene: scene.wire.send(by_platform(scene.platform))


def _too_many(platform: Platform) -> Answer:
    if platform == "x":
        return x.problem(429, "Too Many Requests", "Too Many Requests")
    return facebook.graph_error(429, 4, "(#4) Application request limit reached", subcode=1349210)


def _too_many_retry_after(scene: Scene) -> None:
    header = {"Retry-After": str(math.ceil(scene.options.seconds))}
    _with_headers(scene, _too_many(scene.platform), header)


def _too_many_reset(scene: Scene) -> None:
    reset = clock.wall_us() // clock.SECOND + math.ceil(scene.options.seconds)
    counters = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)}
    _with_headers(scene, _too_many(scene.platform), counters)


def _with_headers(scene: Scene, answer: Answer, extra: dict[str, str]) -> None:
    scene.wire.send(replace(answer, headers={**answer.headers, **extra}))


def unavailable(platform: Platform, status: int = 503) -> Answer:
    """The platform's answer when it cannot serve anybody."""
    if platform == "x":
        return x.problem(status, "Service Unavailable", "The service is temporarily overloaded.")
    return facebook.graph_error(status, 2, "Service temporarily unavailable")


def _internal(platform: Platform) -> Answer:
    if platform == "x":
        return x.problem(500, "Internal Server Error", "Something is broken.")
    return facebook.graph_error(500, 1, "An unknown error occurred")


def _unauthorized(platform: Platform) -> Answer:
    return x.UNAUTHORIZED if platform == "x" else facebook.BAD_TOKEN


def _forbidden(platform: Platform) -> Answer:
    if platform == "x":
        return x.problem(403, "Forbidden", "You are not permitted to perform this action.")
    return facebook.graph_error(403, 200, "(#200) Permissions error")


def _bad_gateway(_: Platform) -> Answer:
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
    return Answer(502, page, content_type="text/html")


def _without_id(platform: Platform) -> Answer:
    return json_answer(200, {"data": {}} if platform == "x" else {})


def _garbage(_: Platform) -> Answer:
    return Answer(200, b'{"data": \x00\xff\xfe<not json')


def _silence(scene: Scene) -> None:
    scene.wire.hold(scene.options.seconds)
    raise Hangup


def _reset(scene: Scene) -> None:
    scene.wire.reset()


def _drip_body(scene: Scene) -> None:
    scene.wire.send_bytes(head(scene.answer, len(scene.answer.body)))
    scene.wire.drip(scene.answer.body, scene.options.seconds)


def _drip_head(scene: Scene) -> None:
    scene.wire.drip(head(scene.answer, len(scene.answer.body)), scene.options.seconds)
    scene.wire.send_bytes(scene.answer.body)


def _half(scene: Scene) -> None:
    body = scene.answer.body
    scene.wire.send_bytes(head(scene.answer, len(body)) + body[: len(body) // 2])
    raise Hangup


def _huge(scene: Scene) -> None:
    padding = scene.options.megabytes * 1_000_000
    scene.wire.send_bytes(head(scene.answer, len(scene.answer.body) + padding) + scene.answer.body)
    scene.wire.send_pieces(_blanks(padding))


def _blanks(length: int) -> Iterator[bytes]:
    whole, rest = divmod(length, PIECE)
    yield from (b" " * PIECE for _ in range(whole))
    yield b" " * rest


def _redirect(status: int) -> Callable[[Scene], None]:
    def deliver(scene: Scene) -> None:
        to = scene.options.to or f"/redirected{scene.request.target}"
        scene.wire.send(Answer(status, b"", {"Location": to}))

    return deliver


def _normally(scene: Scene) -> None:
    scene.wire.send(scene.answer)


def _after_delay(scene: Scene) -> None:
    if scene.wire.hold(scene.options.seconds):
        raise Hangup
    _normally(scene)


GRAPH_CODES = {
    4: (400, "OAuthException", "(#4) Application request limit reached"),
    17: (400, "OAuthException", "(#17) User request limit reached"),
    32: (400, "OAuthException", "(#32) Page request limit reached"),
    100: (400, "OAuthException", "(#100) Invalid parameter"),
    190: (401, "OAuthException", "Error validating access token: the session has been invalidated"),
    341: (400, "OAuthException", "(#341) Feed action request limit reached"),
    368: (400, "OAuthException", "The action attempted has been deemed abusive or is otherwise disallowed"),
    506: (400, "OAuthException", "(#506) Duplicate status message"),
    613: (400, "OAuthException", "(#613) Calls to this api have exceeded the rate limit"),
}


def _graph(code: int) -> Fault:
    status, kind, message = GRAPH_CODES[code]
    answer = facebook.graph_error(status, code, message, kind=kind)
    summary = f"Facebook's error {code} ({status})"
    return Fault(summary, False, lambda scene: scene.wire.send(answer), platform="facebook")


FAULTS: dict[str, Fault] = {
    "429": Fault("429 that does not say until when", False, _say(_too_many)),
    "429_retry_after": Fault("429 with Retry-After: `seconds`", False, _too_many_retry_after),
    "429_reset": Fault("429 with x-rate-limit-reset `seconds` ahead only", False, _too_many_reset),
    "500": Fault("500 with the platform's JSON", False, _say(_internal)),
    "500_empty": Fault("500 with {}", False, _say(lambda _: json_answer(500, {}))),
    "502": Fault("502 with an HTML page", False, _say(_bad_gateway)),
    "503": Fault("503 with the platform's JSON", False, _say(unavailable)),
    "401": Fault("401 in the platform's shape", False, _say(_unauthorized)),
    "403": Fault("403 in the platform's shape", False, _say(_forbidden)),
    "timeout_before": Fault("not done; silence for `seconds`, then the end", False, _silence),
    "timeout_after": Fault("done; silence for `seconds`, then the end", True, _silence),
    "reset_before": Fault("not done; reset", False, _reset),
    "reset_after": Fault("done; reset", True, _reset),
    "slow_body": Fault("done; the body byte by byte over `seconds`", True, _drip_body),
    "slow_headers": Fault("done; the headers byte by byte over `seconds`", True, _drip_head),
    "half_body": Fault("done; half of the body, then the end", True, _half),
    "garbage": Fault("done; 200 with what is not JSON", True, _say(_garbage)),
    "no_id": Fault("done; 200 without an id", True, _say(_without_id)),
    "huge_body": Fault("done; the answer and `megabytes` of blanks", True, _huge),
    "redirect_302": Fault("not done; 302 to `to` (/redirected/...)", False, _redirect(302)),
    "redirect_307": Fault("not done; 307 to `to` (/redirected/...)", False, _redirect(307)),
    "delay": Fault("done at once; answered after `seconds`", True, _after_delay),
    "late": Fault("done after `seconds`, even when the client left; then answered", True, _normally, late=True),
    **{f"graph_{code}": _graph(code) for code in GRAPH_CODES},
}
