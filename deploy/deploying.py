"""The parts of a deploy run: the pair checked, four files per directory, the reload commands, what is served then.

Everything is written down before it is done and may be done again: a run that is killed anywhere is claimed
again, repairs what the journal says, and completes. `deploy.together` puts the parts in their order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509 as pyca
from cryptography.hazmat.primitives.serialization import Encoding

from certificates.models import Certificate
from config.lib import x509
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser
from deploy import journal as journals
from deploy import proof, unseal
from deploy import reload as reloads
from deploy.daemons import lines_to_change
from deploy.journal import Journal
from deploy.models import Server, Target, TargetRun
from deploy.paying import require_paid
from deploy.proof import Served
from deploy.replacing import (
    FILES_SECONDS,
    announce_return,
    begin,
    paths,
    prepare_files,
    put_files_back,
    remove_stages,
    swap_files,
    undo_left_over,
)
from deploy.result import SUPERSEDED, Result
from deploy.ssh import install
from deploy.ssh.install import NewFile
from deploy.trail import Note, Trail
from deploy.work import Work, first_seen

State, Outcome = TargetRun.State, TargetRun.Outcome


@dataclass(frozen=True)
class Ready:
    """A run that nothing forbids, with the files to write."""

    run: TargetRun
    trail: Trail
    target: Target
    server: Server
    certificate: Certificate
    wanted: Sequence[NewFile] = field(repr=False)


@dataclass(frozen=True)
class Placed:
    """New files are in place, or were already, and the daemon has to be told. `before`: what was served, by port."""

    entry: Journal | None
    before: Mapping[str, str]


def check(run: TargetRun, trail: Trail) -> Ready:
    """All that can be refused without touching the server. Raises ExpectedError."""
    target = run.target
    # What is half-done on the old server is completed there.
    is_left = target is not None and not target.journal and (target.is_draft or target.server_id != run.server_id)
    if target is None or run.server is None or run.certificate is None or is_left:
        raise NeedsUser("deploy_nothing_left")
    refuse_older(run)
    require_paid(run)
    names, certificate = target.names, run.certificate
    with trail.step("Check that key and certificate belong together") as note:
        wanted = unseal.new_files(certificate, names)
        key = next(file.content for file in wanted if file.name == names["key"])
        leaf = pyca.load_pem_x509_certificate(certificate.leaf_pem.encode())
        x509.check_pair(leaf.public_bytes(Encoding.DER), key)
        note.detail = f"{certificate.fingerprint_sha256[:16]}…, valid until {certificate.not_after:%d %B %Y}"
    return Ready(run, trail, target, run.server, certificate, wanted)


def refuse_older(run: TargetRun) -> None:
    """A run that waited long must not undo what a later deployment has done here."""
    if run.deployment is None:
        return
    later = TargetRun.unscoped.filter(run.place, deployment__created_at__gt=run.deployment.created_at)
    later = later.filter(deployment__undone_at=None)
    if later.exclude(pk=run.pk).exclude(state=State.WAITING).exists():
        raise NeedsUser(SUPERSEDED)


def place(work: Work) -> Result | Placed:
    """Bring the files into place, what was left half-done repaired first. Blocks for minutes; repeatable.

    A result when the run is over: nothing to change, or it has gone back. An expected error leaves as an exception
    when this run has changed nothing, or when the connection was lost while the journal says what is half-done.
    """
    return _repair(work) or _replace(work)


def _repair(work: Work) -> Result | None:
    """Undo what another run left; a result when this very attempt was already on its way back."""
    left = journals.read(work.target)
    if left is None:
        return None
    places = (list(work.target.certificate_directories), work.names)
    is_ours = left.wanted == work.fingerprint and (list(left.directories), list(left.names)) == places
    if is_ours and left.phase == "putting_back":
        return _return(work, left)
    if not is_ours:
        undo_left_over(work, left)
    return None


def _replace(work: Work) -> Result | Placed:
    """The way of a healthy run, from a first look to the swap."""
    changing, served = _look(work)
    entry = journals.read(work.target)
    if entry is None and not changing and work.is_served(served):
        return _unchanged(work, served)
    if entry is None and changing:
        entry = begin(work, served)
    if entry and changing:
        entry = prepare_files(work, entry, changing)
        failure = swap_files(work, entry, changing)
        if failure:
            return _return(work, announce_return(work, entry, failure))
    if entry:
        remove_stages(work, entry)
    return Placed(entry, entry.before if entry else proof.by_port(served))


def _look(work: Work) -> tuple[list[str], list[Served]]:
    """Directories whose files are not yet as wanted, and what is served before anything changes."""
    directories, owner = work.target.certificate_directories, work.target.owner
    with work.trail.step("Look at what is there", seconds=FILES_SECONDS + _looking_seconds(work)) as note:
        with work.connection.within(FILES_SECONDS, "look at the files"):
            found = {name: install.look(work.files, name, work.names, owners=bool(owner)) for name in directories}
        served = proof.look_at(work.connection, work.host, work.ports)
        changing = [directory for directory in directories if not found[directory].is_wanted(work.wanted, owner)]
        note.detail = _needs(changing, directories)
        note.data = {"served": proof.by_port(served), "changing": changing}
    return changing, served


def _needs(changing: Sequence[str], directories: Sequence[str]) -> str:
    if not changing:
        return "the files are as they should be"
    return f"new files for {', '.join(changing)}" if len(directories) > 1 else "new files are needed"


def _looking_seconds(work: Work) -> float:
    """The longest that one look at every port may take: once from outside, twice through SSH."""
    return 3 * proof.LOOK_SECONDS * len(work.ports)


def _unchanged(work: Work, served: Sequence[Served]) -> Result:
    with work.trail.step("Nothing to change") as note:
        note.detail = "the four files are in place and the certificate is being served already"
    return _standing(work, None, served)


def conclude(work: Work, placed: Placed, failure: ExpectedError | None) -> Result:
    """After the reload, which failed for `failure`: prove, and go back when it got worse."""
    entry, before = placed.entry, placed.before
    crash_here("deploy.reloaded")
    if failure is None:
        served = _prove(work)
        crash_here("deploy.proven")
        if proof.judge(wanted=work.fingerprint, before=before, after=proof.by_port(served)) != "worse":
            return _standing(work, entry, served)
        code = "served_got_worse" if entry else "served_gone"
        failure = NeedsUser(code, host=work.host, ports=sorted(before))
    if entry is None:
        return Result(State.PARTIAL, Outcome.INSTALLED, error=failure, commands=work.commands, is_clean=True)
    return _return(work, announce_return(work, entry, failure))


def _standing(work: Work, entry: Journal | None, served: Sequence[Served]) -> Result:
    """The new files stay. Fine when every port hands the certificate out, or when there is nothing to look at."""
    facts: dict[str, Any] = {
        "files": paths(entry),
        "commands": work.commands,
        "served": first_seen(served),
        "is_clean": True,
        "replaced": _replaced(entry),
    }
    if work.is_served(served):
        return Result(State.SUCCEEDED, Outcome.SERVING, **facts)
    if not served:
        return Result(State.SUCCEEDED, Outcome.INSTALLED, **facts)
    return Result(State.PARTIAL, Outcome.INSTALLED, error=_line_to_change(work, served), **facts)


def _replaced(entry: Journal | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {"token": entry.token, "names": list(entry.names), "kept": dict(entry.kept), "before": dict(entry.before)}


def _line_to_change(work: Work, served: Sequence[Served]) -> NeedsUser:
    """The files lie there and something else is handed out: the configuration names other files."""
    directory, names = work.target.certificate_directories[0], work.target.names
    fullchain, key = f"{directory}/{names['fullchain']}", f"{directory}/{names['key']}"
    port = next(one.port for one in served if one.fingerprint != work.fingerprint)
    detected = [one["name"] for one in work.target.detected.get("daemons", ())]
    return NeedsUser(
        "installed_other_served" if first_seen(served) else "installed_nothing_served",
        host=work.host,
        server=work.server.label,
        ports=[one.port for one in served],
        fullchain=fullchain,
        key=key,
        configure=lines_to_change(work.protocol_on(port), port, detected, fullchain=fullchain, key=key),
        seen=first_seen(served)[:16],
    )


def reload_all(works: Sequence[Work]) -> ExpectedError | None:
    """Run the commands, which all of `works` share, once and in order; stops at the first that fails: why it failed.

    Raises Transient when the line is cut: what the command did is unknown then, and running it again is harmless.
    """
    for line in works[0].target.reload_commands:
        try:
            _run_line(works, line)
        except NeedsUser as error:
            return error
    return None


def _run_line(works: Sequence[Work], line: str) -> None:
    first, others = works[0], works[1:]
    note = Note()
    try:
        with first.trail.step(line, seconds=reloads.LONGEST_SECONDS) as note:
            ran = reloads.run_line(first.connection, line, [one for work in works for one in work.secrets])
            for work in works:
                work.ran.append(ran)
            note.detail = f"{ran.summary()}, once for {len(works)} domains" if others else ran.summary()
            note.data = ran.as_json()
            if not ran.outcome.is_ok:
                raise reloads.explain(first.connection, ran)
    except ExpectedError as error:
        for work in others:
            work.trail.repeat(line, note, error)
        raise
    for work in others:
        work.trail.repeat(line, note)


def _prove(work: Work) -> list[Served]:
    """What is handed out now, on every port that the target names. Raises Transient when the line is cut."""
    if not work.ports:
        return []
    with work.trail.step("Look at what is served now", seconds=proof.PROOF_SECONDS + _looking_seconds(work)) as note:
        served = proof.wait_for(work.connection, work.host, work.ports, work.fingerprint)
        if not work.is_served(served):
            work.connection.check_alive("look at what is served")
        note.detail = "; ".join(_in_words(one, work.fingerprint) for one in served)
        note.data = {"served": proof.by_port(served), "seen_from": {str(one.port): one.where for one in served}}
    return served


def _in_words(one: Served, wanted: str) -> str:
    if not one.fingerprint:
        return f"port {one.port}: nothing is served"
    way = "" if one.where == "outside" else ", seen through SSH"
    what = "the new certificate" if one.fingerprint == wanted else f"another certificate ({one.fingerprint[:16]}…)"
    return f"port {one.port}: {what}{way}"


def _return(work: Work, entry: Journal) -> Result:
    """Restore the previous set and reload it; the result is the failure that led here."""
    stuck = restore_set(work, entry)
    if stuck:
        return stuck
    reload_all([work])  # What it said is in the trail; the first failure is what counts.
    return went_back(work, entry)


def restore_set(work: Work, entry: Journal) -> Result | None:
    """Put the previous set back; a result when that cannot be done."""
    try:
        put_files_back(work, entry)
    except NeedsUser as error:
        because = str(entry.error["code"])
        stuck = NeedsUser("put_back_failed", because=because, **{**error.params, "host": work.server.label})
        return Result(State.FAILED, Outcome.FAILED, error=stuck, commands=work.commands)
    return None


def went_back(work: Work, entry: Journal) -> Result:
    """How a run ends whose old set is in place and reloaded again: with the failure that led there."""
    failure = NeedsUser(str(entry.error["code"]), **dict(entry.error["params"]))
    seen = look_back(work, entry)
    return Result(State.FAILED, Outcome.FAILED, error=failure, commands=work.commands, served=seen, is_clean=True)


def look_back(work: Work, entry: Journal) -> str:
    """What is handed out after the way back; the first fingerprint, if any."""
    if not work.ports:
        return ""
    with work.trail.step("Look at what is served now", seconds=proof.PROOF_SECONDS + _looking_seconds(work)) as note:
        before = dict(entry.before)
        old = next((one for one in before.values() if one), "")
        served = proof.wait_for(work.connection, work.host, work.ports, old)
        note.detail = "the same as before" if proof.by_port(served) == before else "not the same as before"
        note.data = {"served": proof.by_port(served)}
    return first_seen(served)
