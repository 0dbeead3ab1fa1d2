"""The bundled DNS responder of ACME_DNS_ZONE."""

import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from certificates.dns.serving import Responder, is_healthy
from certificates.dns.stored import values_of
from certificates.dns.zone import make_zone


class Command(BaseCommand):
    help = "Answer DNS questions about ACME_DNS_ZONE on ACME_DNS_BIND, UDP and TCP, until SIGTERM or Ctrl-C."
    # It must answer while web and workers are being updated; the tables that it reads change rarely.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only ask the running responder whether it answers")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ACME_DNS_BIND:
            raise CommandError("ACME_DNS_BIND is not set; write the address to listen on as host:port.")
        if options["check"]:
            self._check()
        else:
            self._serve()

    def _check(self) -> None:
        silent = [host for host, port in settings.ACME_DNS_BIND if not is_healthy((host, port), settings.ACME_DNS_ZONE)]
        if silent:
            raise CommandError(f"No answer for {settings.ACME_DNS_ZONE} at {', '.join(silent)}.")
        self.stdout.write("ok")

    def _serve(self) -> None:
        zone = make_zone(settings.ACME_DNS_ZONE, settings.ACME_DNS_NS, values_of)
        responder = Responder(zone, settings.ACME_DNS_BIND)

        def stop(number: int, frame: FrameType | None) -> None:
            responder.ask_to_stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        try:
            responder.start()
        except OSError as error:
            responder.stop()
            raise CommandError(f"ACME_DNS_BIND cannot be listened on: {error}.") from error
        self.stdout.write(f"Answering for {settings.ACME_DNS_ZONE}")
        self.stdout.flush()
        while not responder.wait(1.0):
            pass
        responder.stop()
