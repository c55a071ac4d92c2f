"""``standfast post``: queue posts, change, hold, release and cancel them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import checking, post_look, post_review
from commands import post_options as options
from commands.checking import Overrides
from commands.context import Context, Json, UserError, clean_text, emit, guarded, say
from commands.post_about import About
from commands.post_options import (
    AllHeld,
    Alts,
    At,
    Captions,
    Channels,
    DryRun,
    File,
    Id,
    Ids,
    Lateness,
    MediaFiles,
    Rights,
    Series,
    ShareOf,
    SourceChecked,
    States,
    Suspension,
    Tag,
    Tags,
    Text,
    TextFile,
    Zone,
    out,
)

if TYPE_CHECKING:
    from sqlmodel import Session

    from policy.finding import Finding
    from scheduler.planning.post_changes import Done
    from scheduler.planning.post_run import Request
    from scheduler.planning.post_selection import Wanted
    from scheduler.planning.window_checks import WindowChecks

MOST_LINES = 100
"""Posts that a verb names to people one by one."""

app = typer.Typer(no_args_is_help=True, help="Queue posts, look at them, change, hold, release and cancel them.")
post_review.add_to(app)


@app.command("add")
def add(
    channel: Channels = None,
    at: At = None,
    zone: Zone = None,
    text: Text = None,
    text_file: TextFile = None,
    media: MediaFiles = None,
    alt: Alts = None,
    rights: Rights = None,
    captions: Captions = None,
    share_of: ShareOf = None,
    source_checked: SourceChecked = False,
    tag: Tags = None,
    lateness: Lateness = None,
    override: Overrides = None,
    draft: Annotated[bool, typer.Option("--draft", help="Keep it as a draft: it waits for `post release`.")] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Send it at once (instead of a time, or when that is past).")
    ] = False,
    json: Json = False,
) -> None:
    """Queue one content on one or more channels: all of them or none."""
    with guarded() as context:
        from scheduler.planning import content, post_service, post_views

        if at is None and not now:
            raise UserError("a post needs a time: give --at '2026-12-01 09:00', or --now")
        names = tuple(clean_text(name, "--channel", most=1000) for name in channel or ())
        moment = options.occurrence_now(context, zone) if at is None else options.occurrence(context, at, zone)
        words, tags = options.text_of(text, text_file) or "", options.tags_of(tag)
        late = _lateness(lateness) or int(context.settings.lateness * 1_000_000)
        actor = context.actor
        about = About(media, alt, rights, captions, share_of, source_checked)
        rows = about.new_rows(context)
        said = checking.verdict(context, about.seen(words, rows, options.day_of(moment)), override)
        files, share = content.stored(context.essential.data_dir, rows), (about.share_of or "", source_checked)
        new = post_service.NewPost(names, moment, words, late, rows, files, tags, draft, now, *share)
        post_service.load_platforms(context.engine)
        with _changing(context) as session:
            added = post_service.add(session, actor, new, said)
            posts = [post_views.shown(session, number) for number in added.ids.values()]
        _report_added(added, posts, moment.note, checking.tell(said, moment.local), json)


post_look.add_to(app)


@contextmanager
def _changing(context: Context) -> Iterator[Session]:
    """A transaction in which posts may change: refused in an older copy of the store, where they may be out."""
    from governance import access
    from scheduler import restore

    with access.acting(context.engine) as session:
        restore.refuse_older_copy(session, context.essential)
        yield session


def _lateness(text: str | None) -> int | None:
    return None if text is None else options.duration_us(text, "--lateness")


def _report_added(added: Any, posts: list[dict[str, Any]], note: str | None, found: list[Finding], json: bool) -> None:
    """Say what was added, as it was seen in the act: to read it again could fail, and a failure would look like none."""
    from scheduler.killswitch import BANNER

    if note:
        say(f"note: {note}")
    if added.closed:
        say(f"{BANNER} ({', '.join(added.closed)})")
    if json:
        emit({"posts": posts, "findings": [finding.as_data() for finding in found]})
        return
    for post in posts:
        when = f"{post['local_time'].replace('T', ' ')} {post['zone']} ({post['due_at']})"
        out(f"post {post['id']} on {post['channel']}: {post['shown']}, {when}")


@app.command("edit")
def edit(
    posts: Ids = None,
    text: Text = None,
    text_file: TextFile = None,
    media: MediaFiles = None,
    alt: Alts = None,
    rights: Rights = None,
    captions: Captions = None,
    share_of: ShareOf = None,
    source_checked: SourceChecked = False,
    no_share: Annotated[bool, typer.Option("--no-share", help="It shares nothing any more.")] = False,
    no_media: Annotated[bool, typer.Option("--no-media", help="Take the images away.")] = False,
    set_tag: Annotated[list[str] | None, typer.Option("--set-tag", metavar="T", help="Its tags from now on.")] = None,
    lateness: Lateness = None,
    override: Overrides = None,
    channel: Channels = None,
    tag: Tag = None,
    file: File = None,
    suspension: Suspension = None,
    state: States = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Change the text, images, tags or lateness of posts that are not out yet."""
    with guarded() as context:
        from scheduler.planning import post_service, post_verbs

        request = _request(context, options.wanted(posts, channel, state, tag, file, suspension), dry_run)
        if no_media and media:
            raise UserError("--media and --no-media are given: leave one out")
        about = About(media, alt, rights, captions, share_of, source_checked, no_share)
        new_text, tags, late = options.text_of(text, text_file), options.tags_of(set_tag), _lateness(lateness)
        rows = about.rows(context)
        change = about.edit(new_text, rows if rows or no_media else None, tags if set_tag else None, late)
        said = checking.verdict(context, about.seen(new_text or "", rows), override)
        post_service.load_platforms(context.engine)
        with _changing(context) as session:
            done = post_verbs.edit(session, request, change, context.essential.data_dir, said)
        checking.tell(said, options.occurrence_now(context, None).local)
        _report(done, dry_run, json)


@app.command("cancel")
def cancel(
    posts: Ids = None,
    channel: Channels = None,
    tag: Tag = None,
    file: File = None,
    suspension: Suspension = None,
    state: States = None,
    all_held: AllHeld = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Cancel posts that are not out yet: they never go out."""
    with guarded() as context:
        from scheduler.planning import post_verbs

        request = _request(
            context, options.wanted(posts, channel, options.states_of(state, all_held), tag, file, suspension), dry_run
        )
        with _changing(context) as session:
            done = post_verbs.cancel(session, request)
        _report(done, dry_run, json)


@app.command("hold")
def hold(
    posts: Ids = None,
    reason: Annotated[str, typer.Option("--reason", metavar="T", help="Why they wait.")] = "",
    channel: Channels = None,
    tag: Tag = None,
    file: File = None,
    suspension: Suspension = None,
    state: States = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Hold scheduled posts: they wait for `post release`."""
    with guarded() as context:
        from governance import access
        from scheduler.planning import post_verbs

        request = _request(context, options.wanted(posts, channel, state, tag, file, suspension), dry_run)
        why = clean_text(reason.strip(), "--reason", most=1000)
        with access.acting(context.engine) as session:
            done = post_verbs.hold(session, request, why)
        _report(done, dry_run, json)


@app.command("release")
def release(
    posts: Ids = None,
    channel: Channels = None,
    tag: Tag = None,
    file: File = None,
    suspension: Suspension = None,
    state: States = None,
    all_held: AllHeld = False,
    series: Series = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Schedule held, failed and draft posts again: missed ones from now on, spaced on each channel, others at their time."""
    with guarded() as context:
        from scheduler.planning import post_verbs

        query = options.wanted(posts, channel, options.states_of(state, all_held), tag, file, suspension)
        request = _request(context, query, dry_run, series)
        gap = int(context.settings.release_spacing * 1_000_000)
        windows = _windows(context)
        with _changing(context) as session:
            done = post_verbs.release(session, request, gap, windows)
        _report(done, dry_run, json)


@app.command("reschedule")
def reschedule(
    posts: Ids = None,
    at: At = None,
    over: Annotated[
        str | None, typer.Option("--over", metavar="D", help="Spread them evenly over this time (2h).")
    ] = None,
    zone: Zone = None,
    channel: Channels = None,
    tag: Tag = None,
    file: File = None,
    suspension: Suspension = None,
    state: States = None,
    all_held: AllHeld = False,
    series: Series = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Give posts another time: the first of each channel at --at (or now), the others spaced, or evenly --over a time."""
    with guarded() as context:
        from scheduler.planning import post_verbs

        if at is None and over is None:
            raise UserError(
                "a new time is needed: give --at '2026-12-01 09:00', or --over 2h to spread them from now on"
            )
        query = options.wanted(posts, channel, options.states_of(state, all_held), tag, file, suspension)
        request = _request(context, query, dry_run, series)
        start = options.occurrence_now(context, zone) if at is None else options.occurrence(context, at, zone)
        spread = None if over is None else options.duration_us(over, "--over")
        to = post_verbs.NewTime(start, int(context.settings.release_spacing * 1_000_000), spread, at is None)
        windows = _windows(context)
        with _changing(context) as session:
            done = post_verbs.reschedule(session, request, to, windows)
        if start.note:
            say(f"note: {start.note}")
        _report(done, dry_run, json)


@app.command("close")
def close(
    post: Id,
    published: Annotated[str | None, typer.Option("--published", metavar="URL", help="It is out, and here.")] = None,
    not_published: Annotated[bool, typer.Option("--not-published", help="It is not out: hold it.")] = False,
    json: Json = False,
) -> None:
    """Say what became of a post whose outcome is unknown, after looking at the platform."""
    with guarded() as context:
        from governance import access
        from scheduler.planning import post_service

        if (published is None) is not not_published:
            raise UserError("say one of --published URL and --not-published, after looking at the platform")
        actor = context.actor
        with access.acting(context.engine) as session:
            after = post_service.close(session, actor, post, published)
        if json:
            emit({"id": post, "state": after, "link": published})
            return
        out(f"post {post}: {after}" + ("" if published else "; `standfast post release` sends it anew"))


def _windows(context: Context) -> WindowChecks:
    from scheduler.planning.window_checks import WindowChecks

    return WindowChecks(context.engine, context.settings)


def _request(context: Context, wanted: Wanted, dry: bool, series: bool = False) -> Request:
    from scheduler.planning.post_run import Request

    return Request(wanted, context.actor, dry, series)


def _report(done: Done, dry: bool, json: bool) -> None:
    from scheduler.killswitch import BANNER

    if json:
        slots = [asdict(row) for row in done.slots()]
        emit({"dry_run": dry, "posts": [asdict(row) for row in done.changed], "channels": slots, "left": done.left})
        return
    prefix = "would be " if dry else ""
    for row in done.changed[:MOST_LINES]:
        out(f"post {row.id} on {row.channel}: {prefix}{row.words}")
    if len(done.changed) > MOST_LINES:
        out(f"… and {len(done.changed) - MOST_LINES:,} more, {len(done.changed):,} in all: --json lists them")
    _say_when(done)
    if done.left:
        say(f"{done.left} post(s) of the query are being published or of unknown outcome: left alone")
    if done.closed and any(row.after == "scheduled" for row in done.changed):
        say(f"{BANNER} ({', '.join(done.closed)})")
    if dry:
        say("nothing was changed (--dry-run)")


def _say_when(done: Done) -> None:
    """Where several go out: from when to when on each channel; and what spacing makes late, which nobody may overlook."""
    from config import clock

    for row in done.slots():
        if row.posts > 1:
            say(f"{row.channel}: {row.posts:,} posts from {clock.to_text(row.first)} to {clock.to_text(row.last)}")
        if row.late:
            say(
                f"{row.channel}: {row.late:,} of them go out further from now than their lateness limit, for they are spaced: "
                "cancel what is out of date by then"
            )
