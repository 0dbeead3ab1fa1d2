"""HTTP-01 over SSH: answers on a domain's first target, looks as the CA does, and takes everything away again."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.db import IntegrityError, transaction

from auditlog.events import record
from certificates.models import Authorization, Issuance
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Transient, describe
from config.lib.jobs import LeasedJob
from config.lib.side_by_side import side_by_side
from deploy.http01.answering import Http01, http01_of
from deploy.http01.listener import LIFE_SECONDS, Listener, start_listener, stop_listener
from deploy.http01.probe import LOOK_SECONDS, Asked, look_for
from deploy.http01.reaching import LEASE_SECONDS, reached
from deploy.http01.requirements import first_target
from deploy.http01.webroot import folder_of, has_folders, make_folders, put_token, remove_token
from deploy.models import HttpAnswer, Server, Target
from deploy.ssh.connect import Connection
from deploy.ssh.files import remote_files

LOOKS_AT_ONCE = 8
# Beside the looks themselves: what is read and written around them.
AROUND_LOOKS = 65.0
# What nobody removed until then the janitor does; no challenge needs it then.
LEFT_FOR = timedelta(hours=1)
# A server that is not there for so long does not come back.
TRIED_AT_MOST = timedelta(weeks=4)
# A token of ours that is only tried out.
TRIED_FOR = timedelta(minutes=10)
AGAIN_AFTER = timedelta(minutes=10)
LISTENS_FOR = timedelta(seconds=LIFE_SECONDS)
# Another issuance's listener is gone after some seconds.
BUSY_PAUSE = timedelta(seconds=10)


def present(issuance: Issuance, rows: Sequence[Authorization]) -> None:
    """Written down first, put there then. Repeatable: what an earlier attempt left is replaced."""
    answers = {row.token: row.key_authorization for row in rows if not row.is_proven}
    if not answers:
        return
    target = _answering(issuance)
    chosen = http01_of(target)
    issuance.renew_lease(LEASE_SECONDS)
    left = HttpAnswer.unscoped.filter(issuance=issuance).select_related("server").first()
    if left:
        # Of a worker that was killed, and perhaps of a target that has changed since.
        take_away(left, issuance)
        issuance.renew_lease(LEASE_SECONDS)
    has_ended_one = chosen.standalone and _end_rehearsals(target.server, chosen.port, issuance)
    answer = note_answer(target, chosen, list(answers), issuance=issuance)
    crash_here("http01.noted")
    issuance.renew_lease(LEASE_SECONDS)
    with reached(target.server, issuance) as connection:
        try:
            put_answer(connection, answer, chosen, answers, holder=issuance)
        except jobs.LeaseLost:
            _remove_forgotten(connection, issuance, answer)
            raise
        except NeedsUser as error:
            if has_ended_one and error.code == "listener_port_taken":
                raise _busy(target, chosen) from error  # By the one that was just being started there.
            raise
        crash_here("http01.put")
        _keep_or_remove(connection, issuance, answer)


def look(issuance: Issuance, rows: Sequence[Authorization]) -> ExpectedError | None:
    wanted = [row for row in rows if not row.is_proven]
    _listen_again(issuance, rows)
    issuance.renew_lease(longest_looks(len(wanted)) + AROUND_LOOKS)
    webroot = HttpAnswer.unscoped.filter(issuance=issuance).values_list("webroot", flat=True).first() or ""
    asked = [Asked(row.identifier, row.token, row.key_authorization, webroot) for row in wanted]
    found = side_by_side(look_for, asked, at_once=LOOKS_AT_ONCE)
    for row, problem in zip(wanted, found, strict=True):
        row.seen = Authorization.Seen.NOT_SEEN if problem else Authorization.Seen.SEEN
        row.seen_at = clock.now()
    return next((problem for problem in found if problem), None)


def longest_looks(count: int) -> float:
    """The seconds that looking for so many tokens takes where nothing answers."""
    return LOOK_SECONDS * -(-count // LOOKS_AT_ONCE)


def clean_up(issuance: Issuance, rows: Sequence[Authorization]) -> None:
    """What cannot be removed now is the janitor's: a server that is away must not hold the issuance."""
    for answer in HttpAnswer.unscoped.filter(issuance=issuance).select_related("server"):
        issuance.renew_lease(LEASE_SECONDS)
        try:
            take_away(answer, issuance)
        except ExpectedError as error:
            _leave_to_janitor(answer, error)


def _answering(issuance: Issuance) -> Target:
    """The first target. Raises NeedsUser auto_renew_incomplete when there is none that answers."""
    target = first_target(issuance.domain)
    if target is None or not http01_of(target).is_chosen:
        raise NeedsUser("auto_renew_incomplete", missing=["a first server with a webroot or the standalone listener"])
    return target


def _end_rehearsals(server: Server, port: int, issuance: Issuance) -> bool:
    """What no issuance needs makes way at once for one that does; whether there was anything. Blocks."""
    left = list(HttpAnswer.unscoped.filter(server=server, port=port, issuance=None).select_related("server"))
    for answer in left:
        take_away(answer, issuance)
    return bool(left)


def note_answer(
    target: Target,
    chosen: Http01,
    tokens: list[str],
    *,
    issuance: Issuance | None = None,
    left_for: timedelta = LEFT_FOR,
) -> HttpAnswer:
    """Written down before it is put there; nobody needs it after `left_for`.

    Raises Transient('listener_busy') while another listener of ours has the port.
    """
    ends_at = clock.now() + LISTENS_FOR
    if chosen.standalone:
        # Their listeners have ended by themselves; whoever was to tidy up has nothing left to do.
        HttpAnswer.unscoped.filter(server=target.server, port=chosen.port, ends_at__lt=clock.now()).delete()
    try:
        with transaction.atomic():
            return HttpAnswer.objects.create(
                workspace_id=target.workspace_id,
                server=target.server,
                issuance=issuance,
                tokens=tokens,
                webroot=chosen.webroot,
                port=chosen.port if chosen.standalone else None,
                stop_word=secrets.token_hex(24) if chosen.standalone else "",
                ends_at=ends_at if chosen.standalone else None,
                run_after=clock.now() + left_for,
            )
    except IntegrityError as error:
        raise _busy(target, chosen) from error


def _busy(target: Target, chosen: Http01) -> Transient:
    retry_at = clock.now() + BUSY_PAUSE
    return Transient("listener_busy", retry_at=retry_at, host=target.server.label, port=chosen.port)


def put_answer(
    connection: Connection,
    answer: HttpAnswer,
    chosen: Http01,
    answers: dict[str, str],
    *,
    holder: LeasedJob | None = None,
) -> None:
    """`holder`'s lease is renewed before each of many tokens. Raises LeaseLost, with some of them put there."""
    if chosen.standalone:
        try:
            start_listener(connection, Listener(chosen.port, answer.stop_word, answers, use_sudo=chosen.use_sudo))
        except NeedsUser:
            # It did not start, so there is nothing to stop, and the port is for whoever comes next.
            HttpAnswer.unscoped.filter(pk=answer.pk).delete()
            raise
        return
    with remote_files(connection) as files:
        webroot = make_folders(files, chosen.webroot)
        for token, content in answers.items():
            _hold(holder)
            put_token(files, webroot, token, content)
            crash_here("http01.put_one")


def _hold(holder: LeasedJob | None) -> None:
    if holder is not None:
        holder.renew_lease(LEASE_SECONDS)


def _keep_or_remove(connection: Connection, issuance: Issuance, answer: HttpAnswer) -> None:
    try:
        issuance.renew_lease(LEASE_SECONDS)
    except jobs.LeaseLost:
        _remove_forgotten(connection, issuance, answer)
        raise


def _remove_forgotten(connection: Connection, issuance: Issuance, answer: HttpAnswer) -> None:
    """Somebody may have cancelled it and tidied up while it was put there: then nobody else would take it away."""
    if not HttpAnswer.unscoped.filter(issuance=issuance).exists():
        remove_answer(connection, answer)


def _listen_again(issuance: Issuance, rows: Sequence[Authorization]) -> None:
    """A worker that was cut may come back after the listener's own end."""
    ended = HttpAnswer.unscoped.filter(issuance=issuance, ends_at__lt=clock.now() + BUSY_PAUSE)
    if ended.exists():
        present(issuance, rows)


def take_away(answer: HttpAnswer, holder: LeasedJob) -> None:
    """Remove it from its server, then forget it. Blocks; repeatable. Raises ExpectedErrors, LeaseLost."""
    if answer.ends_at is None or answer.ends_at > clock.now():
        with reached(answer.server, answer.issuance) as connection:
            remove_answer(connection, answer, holder)
    crash_here("http01.removed")
    HttpAnswer.unscoped.filter(pk=answer.pk).delete()


def remove_or_leave(connection: Connection, answer: HttpAnswer) -> None:
    """What cannot be removed now is the janitor's: its row stays."""
    try:
        remove_answer(connection, answer)
    except ExpectedError:
        return
    HttpAnswer.unscoped.filter(pk=answer.pk).delete()


def remove_answer(connection: Connection, answer: HttpAnswer, holder: LeasedJob | None = None) -> None:
    """Repeatable; `holder` as for `put_answer`. Raises ExpectedErrors."""
    if answer.port is not None:
        stop_listener(connection, port=answer.port, stop_word=answer.stop_word)
        return
    with remote_files(connection) as files:
        for token in answer.tokens if has_folders(files, answer.webroot) else ():
            _hold(holder)
            remove_token(files, answer.webroot, token)


def _leave_to_janitor(answer: HttpAnswer, error: ExpectedError) -> None:
    HttpAnswer.unscoped.filter(pk=answer.pk).update(
        run_after=clock.now() + AGAIN_AFTER, error_code=error.code, error_params=jobs.storable(error.params)
    )


def remove_left(batch: Sequence[HttpAnswer]) -> None:
    """The janitor: what no open issuance needs any more. Blocks; repeatable. Raises ExpectedErrors."""
    for answer in batch:
        if answer.issuance and answer.issuance.is_open:
            answer.finish(run_after=clock.now() + LEFT_FOR)
            continue
        answer.renew_lease(LEASE_SECONDS)
        try:
            take_away(answer, answer)
        except Transient as error:
            if not _was_tried_long_enough(answer):
                raise
            give_up(answer, error)


def give_up(answer: HttpAnswer, error: ExpectedError) -> None:
    """Once a day it is tried again, as the server may come back; after some weeks the harmless file is left there."""
    if _was_tried_long_enough(answer):
        _leave_there(answer, error)
        return
    again_at = clock.now() + timedelta(days=1)
    answer.finish(run_after=again_at, error_code=error.code, error_params=jobs.storable(error.params))


def _was_tried_long_enough(answer: HttpAnswer) -> bool:
    return clock.now() > answer.created_at + TRIED_AT_MOST


@transaction.atomic
def _leave_there(answer: HttpAnswer, error: ExpectedError) -> None:
    """Nothing is written when another worker has it by now."""
    deleted, _ = HttpAnswer.unscoped.filter(pk=answer.pk, lease_token=answer.lease_token).delete()
    domain = answer.issuance.domain if answer.issuance else None
    if deleted:
        record(
            "server.token_left",
            workspace_id=answer.workspace_id,
            domain_id=domain.pk if domain else None,
            domain_label=domain.label if domain else "",
            data={
                "server": answer.server.label,
                "count": len(answer.tokens),
                "folder": folder_of(answer.webroot),
                "error": describe(error.code, error.params).title,
            },
        )
