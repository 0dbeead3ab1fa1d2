"""One deploy run: the pair checked, four files per directory, the reload commands, and what is served then.

Everything is written down before it is done and may be done again: a run that is killed anywhere is claimed
again, repairs what the journal says, and completes.
"""

import contextlib
import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509 as pyca
from cryptography.hazmat.primitives.serialization import Encoding

import billing
from certificates.models import Certificate
from config.lib import jobs, x509
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Transient
from deploy import journal as journals
from deploy import proof, unseal
from deploy import reload as reloads
from deploy.journal import Journal
from deploy.models import Server, Target, TargetRun
from deploy.proof import Served
from deploy.result import Result
from deploy.session import opened
from deploy.ssh import install
from deploy.ssh.connect import Connection
from deploy.ssh.files import RemoteFiles, remote_files
from deploy.ssh.install import NewFile
from deploy.ssh.placement import PREVIOUS
from deploy.trail import Trail

FILES_SECONDS = 90
RELOADS_CUT = 2
SUPERSEDED = "deploy_superseded"

State, Outcome = TargetRun.State, TargetRun.Outcome


@dataclass
class _Work:
    """What the steps of one run share."""

    run: TargetRun
    trail: Trail
    target: Target
    server: Server
    certificate: Certificate
    wanted: Sequence[NewFile] = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    ran: list[reloads.Ran] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [file.name for file in self.wanted]

    @property
    def ran_json(self) -> list[dict[str, Any]]:
        return [one.as_json() for one in self.ran]

    @property
    def ports(self) -> list[int]:
        return self.target.ports(self.run.domain.port)


def deploy_to_target(run: TargetRun, trail: Trail) -> Result:
    """Bring the run's certificate onto its target and prove it. Blocks for minutes; repeatable after any cut.

    Expected errors leave as exceptions only while the target is as it was before.
    """
    work = _prepare(run, trail)
    with opened(run, trail, work.server, must_be_trusted=True) as connection:
        crash_here("deploy.connected")
        with remote_files(connection) as files:
            result = _repair(work, connection, files) or _replace(work, connection, files)
    journals.write(run, work.target, None)
    return result


def _prepare(run: TargetRun, trail: Trail) -> _Work:
    """All that can be refused without touching the server."""
    if run.target is None or run.server is None or run.certificate is None:
        raise NeedsUser("deploy_nothing_left")
    _refuse_older(run, run.target)
    answer = billing.gate(run)
    if not answer.is_open:
        raise NeedsUser("deploy_unpaid", missing_cents=answer.missing_cents)
    with trail.step("Check that key and certificate belong together") as note:
        wanted = unseal.new_files(run.certificate, run.target.names)
        _check_pair(run.certificate, wanted, run.target.names["key"])
        note.detail = f"certificate {run.certificate.fingerprint_sha256[:16]}…, valid until {_until(run.certificate)}"
    hidden = unseal.secrets_of(run.server)
    return _Work(run, trail, run.target, run.server, run.certificate, wanted, hidden)


def _check_pair(certificate: Certificate, wanted: Sequence[NewFile], key_name: str) -> None:
    key = next(file.content for file in wanted if file.name == key_name)
    leaf = pyca.load_pem_x509_certificate(certificate.leaf_pem.encode()).public_bytes(Encoding.DER)
    x509.check_pair(leaf, key)


def _until(certificate: Certificate) -> str:
    return f"{certificate.not_after:%d %B %Y}"


def _refuse_older(run: TargetRun, target: Target) -> None:
    """A run that waited long must not undo what a later deployment has done here."""
    if run.deployment is None:
        return
    later = TargetRun.unscoped.filter(target=target, deployment__created_at__gt=run.deployment.created_at)
    if later.exclude(pk=run.pk).exclude(state=TargetRun.State.WAITING).exists():
        raise NeedsUser(SUPERSEDED)


def _repair(work: _Work, connection: Connection, files: RemoteFiles) -> Result | None:
    """Finish or undo what an earlier attempt left; a result when this very attempt was already being undone."""
    left = journals.read(work.target)
    if left is None:
        return None
    is_ours = left.wanted == work.certificate.fingerprint_sha256 and _same_places(left, work)
    if is_ours and left.phase == "putting_back":
        return _put_back(work, connection, files, left)
    if is_ours:
        return None
    with work.trail.step("Undo what an interrupted deployment left half-done", seconds=FILES_SECONDS) as note:
        with connection.within(FILES_SECONDS, "repair"):
            _clear(files, left)
        note.detail = ", ".join(left.directories)
    journals.write(work.run, work.target, None)
    return None


def _same_places(left: Journal, work: _Work) -> bool:
    return list(left.directories) == list(work.target.certificate_directories) and list(left.names) == work.names


def _clear(files: RemoteFiles, left: Journal) -> None:
    """Bring the server back to how it was before `left` was begun."""
    for directory in left.directories:
        install.remove_stage(files, directory, left.token, left.names)
    for directory, kept in left.kept.items():
        install.put_back(files, directory, left.token, left.names, kept)


def _replace(work: _Work, connection: Connection, files: RemoteFiles) -> Result:
    """The way of a healthy run, from a first look to the proof."""
    changing, served = _look(work, connection, files)
    entry = journals.read(work.target)
    if entry is None and not changing and _is_served(work, served):
        return _unchanged(work, served)
    if entry is None and changing:
        entry = _begin(work, served)
    if entry and changing:
        entry = _write_files(work, connection, files, entry, changing)
        failure = _swap(work, connection, files, entry, changing)
        if failure:
            return _go_back(work, connection, files, entry, failure)
    return _conclude(work, connection, files, entry, entry.before if entry else proof.by_port(served))


def _begin(work: _Work, served: Sequence[Served]) -> Journal:
    entry = Journal(
        token=secrets.token_hex(8),
        wanted=work.certificate.fingerprint_sha256,
        directories=tuple(work.target.certificate_directories),
        names=tuple(work.names),
        before=proof.by_port(served),
    )
    journals.write(work.run, work.target, entry)
    crash_here("deploy.journal_written")
    return entry


def _look(work: _Work, connection: Connection, files: RemoteFiles) -> tuple[list[str], list[Served]]:
    """Directories whose files are not yet as wanted, and what is served before anything changes."""
    directories = work.target.certificate_directories
    with work.trail.step("Look at what is there", seconds=FILES_SECONDS + 2 * proof.LOOK_SECONDS * 10) as note:
        with connection.within(FILES_SECONDS, "look"):
            found = {directory: install.look(files, directory, work.names) for directory in directories}
        served = proof.look_at(connection, work.run.domain.host, work.ports)
        changing = [directory for directory in directories if not found[directory].is_wanted(work.wanted)]
        note.detail = f"{len(changing)} of {len(directories)} directories need the new files"
        note.data = {"served": proof.by_port(served), "changing": changing}
    return changing, served


def _is_served(work: _Work, served: Sequence[Served]) -> bool:
    return bool(served) and all(one.fingerprint == work.certificate.fingerprint_sha256 for one in served)


def _unchanged(work: _Work, served: Sequence[Served]) -> Result:
    with work.trail.step("Nothing to change") as note:
        note.detail = "the four files are in place and the certificate is being served already"
    return _standing(work, None, served)


def _write_files(
    work: _Work, connection: Connection, files: RemoteFiles, entry: Journal, changing: Sequence[str]
) -> Journal:
    """Stage everything first, so that whatever can fail does so before the first file is replaced."""
    try:
        with work.trail.step("Write the new files beside the old ones", seconds=FILES_SECONDS) as note:
            with connection.within(FILES_SECONDS, "stage"):
                _stage(files, entry, changing, work.wanted)
            note.detail = f"{len(work.wanted)} files for {', '.join(changing)}, not in place yet"
        crash_here("deploy.staged")
        return _keep(work, connection, files, entry, changing)
    except ExpectedError:
        if connection.transport.is_active():
            _clear(files, entry)
            journals.write(work.run, work.target, None)
        raise


def _stage(files: RemoteFiles, entry: Journal, changing: Sequence[str], wanted: Sequence[NewFile]) -> None:
    for directory in changing:
        install.make_directories(files, directory)
        install.stage(files, directory, entry.token, wanted)


def _keep(work: _Work, connection: Connection, files: RemoteFiles, entry: Journal, changing: Sequence[str]) -> Journal:
    """Copy the present set aside, once: after a cut in the swap the present set is a mixed one."""
    missing = [directory for directory in changing if directory not in entry.kept]
    if entry.phase == "swapping" and not missing:
        return entry
    with work.trail.step("Keep the previous files", seconds=FILES_SECONDS) as note:
        with connection.within(FILES_SECONDS, "keep"):
            kept = {
                directory: install.keep_previous(files, directory, entry.token, entry.names) for directory in missing
            }
        note.detail = f"in {PREVIOUS}/ of each directory"
    entry = dataclasses.replace(entry, phase="swapping", kept={**entry.kept, **kept})
    crash_here("deploy.previous_kept")
    journals.write(work.run, work.target, entry)
    crash_here("deploy.swap_announced")
    return entry


def _swap(
    work: _Work, connection: Connection, files: RemoteFiles, entry: Journal, changing: Sequence[str]
) -> ExpectedError | None:
    """The renames, back to back; why they could not be done."""
    try:
        with work.trail.step("Put the new files in place", seconds=FILES_SECONDS) as note:
            with connection.within(FILES_SECONDS, "swap"):
                for directory in changing:
                    install.swap(files, directory, entry.token, entry.names, entry.kept[directory])
                    install.remove_stage(files, directory, entry.token, entry.names)
            note.detail = ", ".join(changing)
            note.data = {"files": _paths(entry)}
    except NeedsUser as error:
        return error
    crash_here("deploy.swapped")
    return None


def _paths(entry: Journal) -> list[str]:
    return [f"{directory}/{name}" for directory in entry.kept for name in entry.names]


def _conclude(
    work: _Work, connection: Connection, files: RemoteFiles, entry: Journal | None, before: Mapping[str, str]
) -> Result:
    """Reload, prove, and go back when it got worse."""
    failure = _reload(work, connection, entry)
    crash_here("deploy.reloaded")
    if failure is None:
        served = _prove(work, connection)
        crash_here("deploy.proven")
        verdict = proof.judge(wanted=work.certificate.fingerprint_sha256, before=before, after=proof.by_port(served))
        if verdict != "worse":
            return _standing(work, entry, served)
        failure = NeedsUser("served_got_worse", host=work.run.domain.host, ports=sorted(before))
    if entry is None:
        return Result(State.PARTIAL, Outcome.INSTALLED, error=failure, commands=work.ran_json)
    return _go_back(work, connection, files, entry, failure)


def _standing(work: _Work, entry: Journal | None, served: Sequence[Served]) -> Result:
    """The new files stay. Fine when every port hands the certificate out, or when there is nothing to look at."""
    wanted = work.certificate.fingerprint_sha256
    seen = next((one.fingerprint for one in served if one.fingerprint), "")
    facts: dict[str, Any] = {"files": _paths(entry) if entry else [], "commands": work.ran_json, "served": seen}
    if served and all(one.fingerprint == wanted for one in served):
        return Result(State.SUCCEEDED, Outcome.SERVING, **facts)
    if not served:
        return Result(State.SUCCEEDED, Outcome.INSTALLED, **facts)
    return Result(State.PARTIAL, Outcome.INSTALLED, error=_line_to_change(work, served), **facts)


def _line_to_change(work: _Work, served: Sequence[Served]) -> NeedsUser:
    """The files lie there and something else is handed out: the configuration names other files."""
    directory, names = work.target.certificate_directories[0], work.target.names
    is_silent = not any(one.fingerprint for one in served)
    return NeedsUser(
        "installed_nothing_served" if is_silent else "installed_other_served",
        host=work.run.domain.host,
        server=work.server.label,
        ports=[one.port for one in served],
        fullchain=f"{directory}/{names['fullchain']}",
        key=f"{directory}/{names['key']}",
        seen=next((one.fingerprint[:16] for one in served if one.fingerprint), ""),
    )


def _go_back(work: _Work, connection: Connection, files: RemoteFiles, entry: Journal, failure: ExpectedError) -> Result:
    """Write down that the old set is to come back, and why, then bring it back."""
    entry = dataclasses.replace(entry, phase="putting_back", error=_stored(failure))
    journals.write(work.run, work.target, entry)
    crash_here("deploy.going_back")
    return _put_back(work, connection, files, entry)


def _stored(failure: ExpectedError) -> dict[str, Any]:
    return {"code": failure.code, "params": jobs.storable(failure.params)}


def _reload(work: _Work, connection: Connection, entry: Journal | None) -> ExpectedError | None:
    """Run the commands in order and stop at the first that fails; why it failed.

    Raises Transient when the line is cut: what the command did is unknown then, and running it again is harmless.
    Where that happens again and again, the next attempt puts the old files back.
    """
    for line in work.target.reload_commands:
        try:
            _run_line(work, connection, line)
        except Transient as error:
            if entry and work.run.attempts >= RELOADS_CUT:
                entry = dataclasses.replace(entry, phase="putting_back", error=_stored(error))
                journals.write(work.run, work.target, entry)
            raise
        except ExpectedError as error:
            return error
    return None


def _run_line(work: _Work, connection: Connection, line: str) -> None:
    with work.trail.step(line, seconds=reloads.COMMAND_SECONDS + 40) as note:
        ran = reloads.run_line(connection, line, work.secrets)
        work.ran.append(ran)
        note.detail = ran.summary()
        note.data = ran.as_json()
        if not ran.outcome.is_ok:
            raise reloads.explain(connection, ran)


def _prove(work: _Work, connection: Connection) -> list[Served]:
    """What is handed out now, on every port that the target names."""
    if not work.ports:
        return []
    seconds = proof.PROOF_SECONDS + 3 * proof.LOOK_SECONDS * len(work.ports)
    with work.trail.step("Look at what is served now", seconds=seconds) as note:
        wanted = work.certificate.fingerprint_sha256
        served = proof.wait_for(connection, work.run.domain.host, work.ports, wanted)
        note.detail = "; ".join(_in_words(one, wanted) for one in served)
        note.data = {"served": proof.by_port(served), "seen_from": {str(one.port): one.where for one in served}}
    return served


def _in_words(one: Served, wanted: str) -> str:
    if not one.fingerprint:
        return f"port {one.port}: nothing is served"
    way = "" if one.where == "outside" else ", seen through SSH"
    what = "the new certificate" if one.fingerprint == wanted else f"another certificate ({one.fingerprint[:16]}…)"
    return f"port {one.port}: {what}{way}"


def _put_back(work: _Work, connection: Connection, files: RemoteFiles, entry: Journal) -> Result:
    """Restore the previous set and reload it; the result is the failure that led here."""
    failure = NeedsUser(str(entry.error["code"]), **dict(entry.error["params"]))
    facts: dict[str, Any] = {"commands": work.ran_json}
    try:
        with work.trail.step("Put the previous files back", seconds=FILES_SECONDS) as note:
            with connection.within(FILES_SECONDS, "put back"):
                _clear(files, entry)
            note.detail = ", ".join(entry.kept)
    except NeedsUser as error:
        stuck = NeedsUser("put_back_failed", host=work.server.label, because=failure.code, **error.params)
        return Result(State.FAILED, Outcome.FAILED, error=stuck, **facts)
    crash_here("deploy.put_back")
    with contextlib.suppress(NeedsUser):  # What it said is in the trail; the first failure is what counts.
        for line in work.target.reload_commands:
            _run_line(work, connection, line)
    seen = _look_back(work, connection, entry)
    return Result(State.FAILED, Outcome.FAILED, error=failure, served=seen, **facts)


def _look_back(work: _Work, connection: Connection, entry: Journal) -> str:
    """What is handed out after the way back; the first fingerprint, if any."""
    if not work.ports:
        return ""
    with work.trail.step("Look at what is served now", seconds=60 + proof.PROOF_SECONDS) as note:
        before = dict(entry.before)
        wanted = next((one for one in before.values() if one), "")
        served = proof.wait_for(connection, work.run.domain.host, work.ports, wanted)
        is_as_before = proof.by_port(served) == before
        note.detail = "the same as before" if is_as_before else "not the same as before"
        note.data = {"served": proof.by_port(served)}
    return next((one.fingerprint for one in served if one.fingerprint), "")
