"""`manage.py verify_audit [--workspace ID] [--head NUMBER:HASH]`: is what happened still told as it was sealed?"""

import re
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auditlog.chain import NO_WORKSPACE, Head, chain_of
from auditlog.models import Archive, Seal
from auditlog.verifying import Verdict, list_chains, verify_chain

HEAD = re.compile("([0-9]{1,18}):([0-9a-f]{64})")


class Command(BaseCommand):
    help = "Ends with 0 when every event is as it was sealed, else with 1, naming the first altered or missing one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", type=uuid.UUID, metavar="ID", help="this chain alone")
        parser.add_argument("--head", metavar="NUMBER:HASH", help="that the chain must contain; out of an export")

    def handle(self, *args: Any, **options: Any) -> None:
        chains = [options["workspace"]] if options["workspace"] else list_chains()
        faults = [self._tell(verify_chain(chain)) for chain in chains]
        if options["head"]:
            self._seek(options["workspace"], options["head"])
        if any(faults):
            raise CommandError("The audit log is not whole.", returncode=1)

    def _tell(self, verdict: Verdict) -> bool:
        """One line for each chain; whether something is wrong with it."""
        owner = (
            "Events of no workspace" if verdict.workspace_id == NO_WORKSPACE else f"Workspace {verdict.workspace_id}"
        )
        waiting = f"; {verdict.unsealed} wait for their seal" if verdict.unsealed else ""
        if verdict.fault:
            self.stdout.write(f"{owner}: BROKEN after {verdict.head.number}: {verdict.fault}{waiting}")
        else:
            self.stdout.write(f"{owner}: whole, head {verdict.head.number}:{verdict.head.hash or '-'}{waiting}")
        return bool(verdict.fault)

    def _seek(self, workspace_id: uuid.UUID | None, text: str) -> None:
        """A head that somebody kept elsewhere; it tells when the whole chain was made anew."""
        found = HEAD.fullmatch(text)
        if not workspace_id or not found:
            raise CommandError("--head NUMBER:HASH goes with --workspace ID; both stand in the export.")
        head = Head(int(found[1]), found[2])
        is_there = chain_of(workspace_id).filter(seq=head.number, hash=head.hash).exists()
        if not is_there and not _has_left(workspace_id, head):
            raise CommandError(f"Event {head.number} no longer has the hash of this head: the chain is another one.")
        self.stdout.write(f"The chain contains the head {text}.")


def _has_left(workspace_id: uuid.UUID, head: Head) -> bool:
    """Whether its event is in an archive by now; the seals stay, and an archive says where the chain goes on."""
    of_this = {"workspace_id": workspace_id, "last": head.number, "hash": head.hash}
    is_archived = Archive.objects.filter(workspace_id=workspace_id, last__gte=head.number).exists()
    return is_archived and (Seal.objects.filter(**of_this).exists() or Archive.objects.filter(**of_this).exists())
