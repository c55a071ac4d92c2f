"""``standfast post submit``, ``approve`` and ``return``: handing posts in, and what others say of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import post_approval
from commands import post_options as options
from commands.checking import Overrides
from commands.context import Context, Json, UserError, clean_text, emit, guarded, say
from commands.post_options import Channels, DryRun, File, Ids, States, Tag, out

if TYPE_CHECKING:
    from governance.tiers import Tiers
    from scheduler.planning.post_changes import Done
    from scheduler.planning.post_run import Request


def add_to(app: typer.Typer) -> None:
    """Give these commands to ``standfast post``."""
    for name, function in (("submit", submit), ("approve", approve), ("return", send_back)):
        app.command(name)(function)


def submit(
    posts: Ids = None,
    attest: Annotated[bool, typer.Option("--attest", help="Say that the posts hold none of what is listed.")] = False,
    channel: Channels = None,
    tag: Tag = None,
    file: File = None,
    state: States = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Hand posts in for approval; without --attest it lists what a submitter attests to."""
    with guarded() as context:
        from scheduler.planning import post_review

        request, tiers = _request(context, options.wanted(posts, channel, state, tag, file), dry_run), _tiers(context)
        if not attest and not dry_run:
            for category in tiers.categories:
                say(f"  {category}")
            raise UserError("nothing was handed in: give --attest to say that the posts hold none of the above")
        done = _done(context, request, partial(post_review.submit, tiers=tiers))
        _report(done, [], dry_run, json)


def approve(
    posts: Ids = None,
    channel: Channels = None,
    tag: Tag = None,
    file: File = None,
    state: States = None,
    override: Overrides = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Approve posts that others handed in; each is shown whole, with what the checks find. First look with --dry-run."""
    with guarded() as context:
        from scheduler.planning import post_review

        request, tiers = _request(context, options.wanted(posts, channel, state, tag, file), dry_run), _tiers(context)
        looked: list[dict[str, Any]] = []
        _done(context, replace(request, dry=True), partial(post_review.approve, tiers=tiers), looked)
        said = post_approval.verdicts(context, looked, override)
        shown: list[dict[str, Any]] = []
        done = _done(context, request, partial(post_approval.approve, tiers=tiers, said=said), shown)
        for post in shown:
            post["findings"] = post_approval.findings(said, post)
        _report(done, shown, dry_run, json)


def send_back(
    posts: Ids = None,
    comment: Annotated[str, typer.Option("--comment", metavar="T", help="What is to be changed.")] = "",
    channel: Channels = None,
    tag: Tag = None,
    file: File = None,
    state: States = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Send posts back to whoever handed them in, with a comment."""
    with guarded() as context:
        from scheduler.planning import post_review

        words = clean_text(comment.strip(), "--comment", lines=True, most=2000)
        request, tiers = _request(context, options.wanted(posts, channel, state, tag, file), dry_run), _tiers(context)
        done = _done(context, request, partial(post_review.send_back, tiers=tiers, comment=words))
        _report(done, [], dry_run, json)


def _request(context: Context, wanted: Any, dry: bool) -> Request:
    from scheduler.planning.post_run import Request

    return Request(wanted, context.actor, dry)


def _tiers(context: Context) -> Tiers:
    from governance import tiers

    return tiers.of_settings(context.settings.root, context.settings.approvals)


def _done(context: Context, request: Request, act: Any, shown: list[dict[str, Any]] | None = None) -> Done:
    """What was done; `shown` gets the posts as they were read under the same lock."""
    from governance import access
    from scheduler import restore
    from scheduler.planning import post_views

    with access.acting(context.engine) as session:
        if not request.dry:
            restore.refuse_older_copy(session, context.essential)
        done: Done = act(session, request)
        if shown is not None:
            shown.extend(post_views.shown(session, row.id) for row in done.changed)
    return done


def _report(done: Done, shown: list[dict[str, Any]], dry: bool, json: bool) -> None:
    if json:
        data = [post | {"findings": [item.as_data() for item in post["findings"]]} for post in shown]
        emit({"dry_run": dry, "posts": [asdict(row) for row in done.changed], "shown": data, "left": done.left})
        return
    told = {post["id"]: post for post in shown}
    for row in done.changed:
        for line in _whole(told[row.id]) if row.id in told else ():
            out(line)
        out(f"post {row.id} on {row.channel}: {'would be ' if dry else ''}{row.words}")
    if dry:
        say("nothing was changed (--dry-run)")


def _whole(post: dict[str, Any]) -> list[str]:
    """A post as whoever approves it must see it: all of its words, images, tags and its time."""
    when = f"{str(post['local_time']).replace('T', ' ')} {post['zone']}"
    head = f"--- post {post['id']} on {post['channel']}, {when}, by {post['author']}"
    images = [part for row in post["media"] for part in _image(row)]
    tags = [f"tags {', '.join(post['tags'])}"] if post["tags"] else []
    found = [f"check: {finding}" for finding in post["findings"]]
    parts = [str(post["text"]), *_share(post), *images, *tags, *found]
    # Every line of every part: an alt text of several lines must not look like the head of another post.
    return [head, *(f"    {line}" for part in parts for line in part.splitlines())]


def _share(post: dict[str, Any]) -> list[str]:
    if not post["share_of"]:
        return []
    return [f"shares {post['share_of']} (source {'checked' if post['source_checked'] else 'NOT checked'})"]


def _image(row: dict[str, str]) -> list[str]:
    facts = [f"  {name}: {row[name]}" for name in ("captions", "rights") if row.get(name)]
    return [f"image {row['file']}: {row['alt']}", *facts]
