"""A token of our own at the place where the CA's will be, asked for as the CA will, and taken away again."""

import secrets
import time
from collections.abc import Sequence

from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Transient
from config.lib.side_by_side import side_by_side
from deploy.http01.answering import http01_of
from deploy.http01.probe import Asked, look_for, may_pass
from deploy.http01.solver import LOOKS_AT_ONCE, TRIED_FOR, longest_looks, note_answer, put_answer, remove_or_leave
from deploy.models import HttpAnswer, Target, TargetRun
from deploy.ssh.connect import Connection
from deploy.trail import Trail

# One wrong answer may be a server that is just being reloaded.
PAUSE_SECONDS = 0.5
_SSH_SECONDS = 60.0


def ask_for_token(run: TargetRun, trail: Trail, target: Target, connection: Connection, names: Sequence[str]) -> str:
    """Raises NeedsUser with what a CA would stumble over.

    Transient where that may be over by the renewal, and where the real thing came in between.
    """
    token = secrets.token_urlsafe(24)
    content = f"{token}.{secrets.token_urlsafe(32)}"
    asked = [Asked(name, token, content, target.webroot) for name in names]
    looks = 2 * longest_looks(len(names))
    with trail.step(f"Ask for a token at {asked[0].origin}/", seconds=looks + 2 * _SSH_SECONDS) as note:
        chosen = http01_of(target)
        answer = note_answer(target, chosen, [token], left_for=TRIED_FOR)
        try:
            put_answer(connection, answer, chosen, {token: content})
            crash_here("rehearse.put")
            _require_seen(answer, asked, run)
        finally:
            remove_or_leave(connection, answer)
        note.detail = f"a CA would accept it for {', '.join(names)}"
    return note.detail


def _require_seen(answer: HttpAnswer, asked: Sequence[Asked], run: TargetRun) -> None:
    problem = _look(asked)
    if problem:
        time.sleep(PAUSE_SECONDS)
        problem = _look(asked)
    if problem is None:
        return
    if not HttpAnswer.unscoped.filter(pk=answer.pk).exists():
        # A renewal needed the port and took it.
        raise Transient("rehearsal_disturbed", host=run.label)
    kind = Transient if may_pass(problem) else NeedsUser
    raise kind(problem.code, **problem.params)


def _look(asked: Sequence[Asked]) -> ExpectedError | None:
    """What stays, if anything does, before what may pass."""
    found = side_by_side(look_for, asked, at_once=LOOKS_AT_ONCE)
    return min((problem for problem in found if problem), key=may_pass, default=None)
