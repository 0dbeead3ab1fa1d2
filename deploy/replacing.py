"""The files of a deploy run: staged, the old ones kept, swapped, put back; each part announced in the journal."""

import dataclasses
import secrets
from collections.abc import Sequence

from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser
from deploy import journal as journals
from deploy import proof
from deploy.journal import Journal
from deploy.proof import Served
from deploy.ssh import install
from deploy.ssh.placement import PREVIOUS
from deploy.ssh.sudo import require_roots
from deploy.ssh.sudo_commands import STAGE
from deploy.work import Work, stored

FILES_SECONDS = 90
PUT_BACK = "Put the previous files back"


def begin(work: Work, served: Sequence[Served]) -> Journal:
    """Write down what is about to be done, before anything is."""
    entry = Journal(
        token=STAGE if work.target.use_sudo else secrets.token_hex(8),
        wanted=work.fingerprint,
        directories=tuple(work.target.certificate_directories),
        names=tuple(work.names),
        before=proof.by_port(served),
    )
    journals.write(work.run, work.target, entry)
    crash_here("deploy.journal_written")
    return entry


def prepare_files(work: Work, entry: Journal, changing: Sequence[str]) -> Journal:
    """Stage everything first, so that whatever can fail does so before the first file is replaced.

    A failure leaves the server as it was, unless the connection is gone: then the journal stays.
    """
    try:
        with work.trail.step("Write the new files beside the old ones", seconds=FILES_SECONDS) as note:
            with work.connection.within(FILES_SECONDS, "write the files"):
                _stage(work, entry, changing)
            by_whom = f", for {work.target.owner}" if work.target.owner else ""
            note.detail = f"{len(work.wanted)} files for {', '.join(changing)}{by_whom}, not in place yet"
        crash_here("deploy.staged")
        return _keep(work, entry, changing)
    except ExpectedError:
        if work.connection.transport.is_active():
            restore(work, entry)
            journals.write(work.run, work.target, None)
        raise


def _stage(work: Work, entry: Journal, changing: Sequence[str]) -> None:
    for directory in changing:
        if work.target.use_sudo:
            require_roots(work.files, directory)
        work.files.make_directories(directory)
        install.stage(work.files, directory, entry.token, work.wanted, work.target.owner)


def _keep(work: Work, entry: Journal, changing: Sequence[str]) -> Journal:
    """Copy the present set aside, once: after a cut in the swap the present set is a mixed one."""
    missing = [directory for directory in changing if directory not in entry.kept]
    if not missing:
        return entry
    with work.trail.step("Keep the previous files", seconds=FILES_SECONDS) as note:
        with work.connection.within(FILES_SECONDS, "keep the previous files"):
            kept = {name: install.keep_previous(work.files, name, entry.token, entry.names) for name in missing}
        note.detail = f"in {PREVIOUS}/ of each directory"
    entry = dataclasses.replace(entry, phase="swapping", kept={**entry.kept, **kept})
    crash_here("deploy.previous_kept")
    journals.write(work.run, work.target, entry)
    crash_here("deploy.swap_announced")
    return entry


def swap_files(work: Work, entry: Journal, changing: Sequence[str]) -> ExpectedError | None:
    """The renames, back to back; why they could not be done. Raises Transient when the line is cut."""
    try:
        with work.trail.step("Put the new files in place", seconds=FILES_SECONDS) as note:
            with work.connection.within(FILES_SECONDS, "swap the files"):
                for directory in changing:
                    install.swap(work.files, directory, entry.token, entry.names, entry.kept[directory])
            note.detail = ", ".join(changing)
            note.data = {"files": paths(entry)}
    except NeedsUser as error:
        return error
    crash_here("deploy.swapped")
    return None


def remove_stages(work: Work, entry: Journal) -> None:
    """Remove our stages, also of directories that an earlier attempt had completed. Repeatable."""
    work.trail.hold(FILES_SECONDS)
    with work.connection.within(FILES_SECONDS, "remove the stage"):
        for directory in entry.directories:
            install.remove_stage(work.files, directory, entry.token, entry.names)


def paths(entry: Journal | None) -> list[str]:
    """Every file that was written under this entry."""
    return [f"{directory}/{name}" for directory in entry.kept for name in entry.names] if entry else []


def announce_return(work: Work, entry: Journal, failure: ExpectedError) -> Journal:
    """Write down that the old set is to come back, and why."""
    entry = dataclasses.replace(entry, phase="putting_back", error=stored(failure))
    journals.write(work.run, work.target, entry)
    crash_here("deploy.going_back")
    return entry


def put_files_back(work: Work, entry: Journal) -> None:
    """Bring the old set back into place. Repeatable; raises NeedsUser when something is in the way."""
    with work.trail.step(PUT_BACK, seconds=FILES_SECONDS) as note:
        with work.connection.within(FILES_SECONDS, "put the files back"):
            restore(work, entry)
        note.detail = ", ".join(entry.kept)
    crash_here("deploy.put_back")


def undo_left_over(work: Work, left: Journal) -> None:
    """Undo what another run left half-done; then nothing is begun here."""
    with work.trail.step("Undo what an interrupted deployment left half-done", seconds=FILES_SECONDS) as note:
        with work.connection.within(FILES_SECONDS, "repair"):
            restore(work, left)
        note.detail = ", ".join(left.directories)
    journals.write(work.run, work.target, None)


def restore(work: Work, entry: Journal) -> None:
    """Bring the server back to how it was before `entry` was begun. Repeatable."""
    for directory in entry.directories:
        install.remove_stage(work.files, directory, entry.token, entry.names)
    for directory, kept in entry.kept.items():
        install.put_back(work.files, directory, entry.token, entry.names, kept)
