"""`manage.py bootstrap_workspace EMAIL --workspace NAME [--password P] [--api-token]`."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts.bootstrap import bootstrap_workspace


class Command(BaseCommand):
    requires_system_checks = ()  # They load every page and the API, for one row.
    help = "Makes or finds a verified user and, among that user's own, a workspace; prints JSON on its last line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--workspace", required=True, metavar="NAME")
        parser.add_argument("--password", help="set, when given; without it a new user signs in by password reset")
        parser.add_argument("--api-token", action="store_true", help="also make an API token with all scopes")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError("EMAIL is not an e-mail address") from error
        if not options["workspace"].strip():
            raise CommandError("--workspace must not be empty")
        made = bootstrap_workspace(
            email=options["email"],
            workspace_name=options["workspace"],
            password=options["password"],
            with_token=options["api_token"],
        )
        self.stdout.write(json.dumps(made))
