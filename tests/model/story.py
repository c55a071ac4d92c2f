"""A history in plain words: numbered steps, and at the end what is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tests.model.explore import Result, Step
from tests.model.invariant import Invariant
from tests.model.ledger import is_of
from tests.model.state import (
    ALL,
    ATTEMPT,
    FENCED,
    HELD,
    LEAVE,
    LOOKED,
    OUTCOME,
    POST,
    READ_ONLY,
    SCHEDULED,
    State,
    Suspension,
)

LETTERS = "ABCDEFGH"


def story(result: Result) -> Iterator[str]:
    """The lines of a broken exploration's shortest history; of one that broke nothing, none."""
    if result.invariant is None:
        return
    for number, step in enumerate(result.story, 1):
        yield f"  {number:2}. {line(step)}"
    name, holds = result.invariant
    yield f"  {name} is broken: {said(holds)}"
    yield f"      at the end: {_end(result.story[-1].after) if result.story else 'the start'}"


def said(holds: Invariant) -> str:
    """What an invariant promises: the first paragraph of its docstring, without its name."""
    return " ".join((holds.__doc__ or "").partition("\n\n")[0].split()).partition(": ")[2]


def line(step: Step) -> str:
    """One step in plain words."""
    action = step.action
    return _WORDS[action.actor, action.step](step)


def _post(number: int) -> str:
    return f"post {LETTERS[number]}"


def _end(state: State) -> str:
    posts = [f"{_post(number)} is {POST[row.state]}" for number, row in enumerate(state.store.posts)]
    attempts = [f"attempt {number} is {ATTEMPT[row.state]}" for number, row in enumerate(state.store.attempts, 1)]
    accepted = [f"{_post(item.post)} was made public" for item in state.requests if item.state == 2]
    return "; ".join([*posts, *attempts, *accepted])


def _worker(step: Step) -> str:
    return f"worker {step.action.who + 1}"


def _in_hand(step: Step) -> str:
    return _post(step.before.workers[step.action.who].post)


def _claim(step: Step) -> str:
    post, before = step.action.what, step.before.store
    if step.after.store.posts[post].state == HELD:
        return f"{_worker(step)} finds {_post(post)} too late or under way: it is held for a person"
    if step.after.workers[step.action.who].phase == LOOKED:
        return f"{_worker(step)} looks at the flag: open, {_post(post)} may go"
    past = " past the closed gate, by its override" if step.after.store.attempts[-1].override else ""
    return (
        f"{_worker(step)} claims {_post(post)}{past} (attempt {len(step.after.store.attempts)}, epoch {before.epoch})"
    )


def _authorise(step: Step) -> str:
    worker = step.before.workers[step.action.who]
    if step.after.workers[step.action.who].phase == LEAVE:
        where = f"attempt {worker.attempt}, epoch {step.before.store.epoch}"
        return f"{_worker(step)} gets leave to send {_in_hand(step)} ({where})"
    post = step.after.store.posts[worker.post]
    return f"{_worker(step)} gets no leave for {_in_hand(step)}, which is {POST[post.state]} now"


def _look(step: Step) -> str:
    outcome = step.after.workers[step.action.who]
    passes = "refuses: the attempt is fenced" if outcome.outcome == FENCED else "lets it pass"
    return f"{_worker(step)} takes the last look for {_in_hand(step)}: the cell {passes}"


def _record(step: Step) -> str:
    worker = step.before.workers[step.action.who]
    number = worker.attempt
    rows = step.after.store.attempts
    state = ATTEMPT[rows[number - 1].state] if number <= len(rows) else "absent"
    post = POST[step.after.store.posts[worker.post].state]
    owed = OUTCOME[worker.outcome]
    return f"{_worker(step)} records “{owed}”: attempt {number} is {state}, {_in_hand(step)} is {post}"


def _of_worker(words: str) -> Callable[[Step], str]:
    return lambda step: f"{_worker(step)} {words.format(post=_in_hand(step))}"


def _of_attempt(words: str) -> Callable[[Step], str]:
    def told(step: Step) -> str:
        number = step.action.what
        rows, requests = step.before.store.attempts, step.before.requests
        post = rows[number - 1].post if number <= len(rows) else requests[number - 1].post
        return words.format(post=_post(post), number=number)

    return told


def _of_post(words: str) -> Callable[[Step], str]:
    return lambda step: words.format(post=_post(step.action.what))


def _plain(words: str) -> Callable[[Step], str]:
    return lambda step: words


def _crisis(words: str) -> Callable[[Step], str]:
    return lambda step: f"crisis {step.action.who + 1} {words}"


def _named(suspension: Suspension) -> str:
    scope = "everything" if suspension.scope == ALL else f"channel {suspension.scope}"
    return f"{scope}, epoch {suspension.epoch}"


def _commit(step: Step) -> str:
    store, who = step.after.store, step.action.who
    found = [item for item in store.suspensions if is_of(item, who)]
    if not found:
        return f"crisis {who + 1} sets the workers' flag"
    own = found[-1]
    listed = [str(number) for number in range(1, len(store.attempts) + 1) if own.in_flight >> number & 1]
    return f"crisis {who + 1} records its suspension ({_named(own)}); in flight: {', '.join(listed) or 'nothing'}"


def _ask(step: Step) -> str:
    own = step.after.store.suspensions[step.action.what - 1]
    return f"a person asks to lift the suspension of {_named(own)}, in epoch {step.after.store.epoch}"


def _ask_part(step: Step) -> str:
    own = step.after.store.suspensions[step.action.what - 1]
    where = f"{_named(own)}, in epoch {step.after.store.epoch}"
    return f"a person asks to lift the suspension of {where}, for channel {step.action.who} alone"


def _release(step: Step) -> str:
    alone = f"for channel {step.before.resume.only} alone "
    return _confirm(step).replace("lifts it ", f"lifts it {alone}")


def _confirm(step: Step) -> str:
    pairs = zip(step.before.store.posts, step.after.store.posts, strict=True)
    held = [_post(number) for number, (old, new) in enumerate(pairs) if (old.state, new.state) == (SCHEDULED, HELD)]
    return f"a person lifts it (epoch {step.after.store.epoch}); held: {', '.join(held) or 'nothing'}"


def _adopt(step: Step) -> str:
    new = step.after.store.suspensions[len(step.before.store.suspensions) :]
    return f"the cell keeper records what only the cell knows: {'; '.join(map(_named, new))}"


def _guard(step: Step) -> str:
    new = step.after.store.suspensions[len(step.before.store.suspensions) :]
    found = f"it suspends itself ({_named(new[0])})" if new else "it takes the store for the one it knew"
    return f"a daemon starts on it: {found}"


UNHEARD = "; the COMMIT stands, its acknowledgement is lost"
UNDONE = "; the COMMIT is lost"
_WORDS: dict[tuple[str, str], Callable[[Step], str]] = {
    ("worker", "start"): lambda step: f"{_worker(step)} is a new process with a fresh id",
    ("worker", "claim"): _claim,
    ("worker", "claim_unheard"): lambda step: _claim(step) + UNHEARD,
    ("worker", "claim_undone"): lambda step: f"{_worker(step)} claims {_post(step.action.what)}{UNDONE}",
    ("worker", "prepare"): _of_worker("uploads what {post} needs"),
    ("worker", "authorise"): _authorise,
    ("worker", "authorise_unheard"): _of_worker("asks for leave to send {post}" + UNHEARD),
    ("worker", "authorise_undone"): _of_worker("asks for leave to send {post}" + UNDONE),
    ("worker", "look"): _look,
    ("worker", "look_late"): _of_worker("takes the last look for {post}: its deadline has passed"),
    ("worker", "send"): _of_worker("writes the request of {post}"),
    ("worker", "timeout"): _of_worker("gives up waiting for an answer about {post}"),
    ("worker", "record"): _record,
    ("worker", "record_unheard"): lambda step: _record(step) + UNHEARD,
    ("worker", "crash"): lambda step: f"worker {step.action.who + 1} is killed",
    ("worker", "end"): lambda step: f"worker {step.action.who + 1} notices that its store was replaced, and ends",
    ("platform", "accept"): _of_attempt("the platform accepts {post} (attempt {number})"),
    ("platform", "fire"): _of_attempt("the platform's own scheduler makes {post} public"),
    ("platform", "refuse"): _of_attempt("the platform refuses {post} (attempt {number})"),
    ("platform", "answer"): _of_attempt("its answer about {post} arrives"),
    ("crisis", "cell"): _crisis("writes its stop into the cell"),
    ("crisis", "cell_fails"): _crisis("cannot write the cell"),
    ("crisis", "begin"): _crisis("begins"),
    ("crisis", "read"): _crisis("reads what is in flight, before its suspension can be seen"),
    ("crisis", "commit"): _commit,
    ("crisis", "commit_unheard"): lambda step: _commit(step) + UNHEARD,
    ("crisis", "commit_undone"): _crisis("tries to record its suspension" + UNDONE),
    ("crisis", "not_recorded"): _crisis("answers NOT RECORDED"),
    ("crisis", "fence"): _crisis("raises the fence"),
    ("crisis", "fence_fails"): _crisis("cannot raise the fence"),
    ("crisis", "quiet"): _crisis("says QUIET CONFIRMED"),
    ("crisis", "not_confirmed"): _crisis("has waited long enough"),
    ("crisis", "sweep"): _crisis("empties the platform's own scheduler"),
    ("crisis", "kill"): _crisis("is killed"),
    ("status", "quiet"): _plain("`crisis status` says QUIET CONFIRMED"),
    ("resume", "ask"): _ask,
    ("resume", "ask_part"): _ask_part,
    ("resume", "confirm"): _confirm,
    ("resume", "release"): _release,
    ("resume", "confirm_unheard"): lambda step: (_release if step.before.resume.only else _confirm)(step) + UNHEARD,
    ("resume", "fence"): _plain("the lift raises the fence"),
    ("resume", "fence_fails"): _plain("the lift cannot raise the fence"),
    ("resume", "kill"): _plain("the lift's process is killed"),
    ("rescuer", "rescue"): _of_attempt("the rescuer takes up attempt {number} of {post}: its worker is dead"),
    ("rescuer", "lease"): _of_attempt("the lease of attempt {number} has run out: {post} is scheduled again"),
    ("reconciler", "found"): _of_attempt("the reconciler finds {post}: attempt {number} was published"),
    ("reconciler", "not_found"): _of_attempt("the reconciler does not find {post}: it is held for a person"),
    ("reconciler", "believe"): _of_attempt("the reconciler does not find {post}: attempt {number} is called not sent"),
    ("keeper", "adopt"): _adopt,
    ("keeper", "begin"): _plain("the cell keeper begins the planned window"),
    ("keeper", "fence"): _plain("the cell keeper raises the fence"),
    ("keeper", "fence_begins"): _plain(
        "the cell keeper has read the cell, and stands still before it writes the fence"
    ),
    ("keeper", "fence_ends"): _plain("the cell keeper writes what it meant to"),
    ("person", "edit"): _of_post("a person edits {post}"),
    ("person", "cancel"): _of_post("a person cancels {post}"),
    ("person", "hold"): _of_post("a person holds {post}"),
    ("person", "release"): _of_post("a person releases {post}"),
    ("person", "move"): _of_post("a person moves {post} to this moment"),
    ("person", "override"): lambda step: f"a person approves an override of post A in epoch {step.before.store.epoch}",
    ("person", "plan"): _plain("a person plans a window"),
    ("person", "close_published"): _of_post("a person finds {post} on the platform"),
    ("person", "close_held"): _of_post("a person does not find {post} and says so"),
    ("clock", "tick"): _plain("time passes"),
    ("clock", "back"): _plain("the clock is set back"),
    ("store", "fail"): lambda step: f"the store is {'read-only' if step.action.what == READ_ONLY else 'away'}",
    ("store", "heal"): _plain("the store is whole again"),
    ("store", "backup"): _plain("a copy of the store is made"),
    ("store", "restore"): _plain("the copy is put in the store's place"),
    ("store", "guard"): _guard,
    ("store", "guard_dies"): _plain("that daemon is killed"),
    ("store", "doubt"): _plain("the daemon doubts what was sent since the copy, and what was due"),
    ("cell", "lose"): _plain("the cell becomes unreadable"),
}


def knows(steps: Iterable[tuple[str, str]]) -> bool:
    """Whether there are words for each of these steps."""
    return set(steps) <= set(_WORDS)
