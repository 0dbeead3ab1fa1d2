"""What each role knows of the secrets."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

KEY = "33" * 32
SCRIPT = """
import json, config.settings as read
shown = repr({name: value for name, value in vars(read).items() if name.isupper()}) + repr(read.env.values)
print(json.dumps({"keys": len(read.SECRETS_ENCRYPTION_KEYS), "known": KEY in shown, "mail": "hunter22" in shown}))
"""


def what_a_role_knows(role: str) -> dict[str, object]:
    env = {
        **os.environ,
        "ROLE": role,
        "SECRETS_ENCRYPTION_KEY": KEY,
        "EMAIL_URL": "smtp://u:hunter22@localhost:25/?tls=none",
    }
    script = f"KEY = {KEY!r}\n{SCRIPT}"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("role", ["inspect", "beat"])
def test_roles_without_need_read_no_secret(role: str) -> None:
    assert what_a_role_knows(role) == {"keys": 0, "known": False, "mail": False}


@pytest.mark.parametrize("role", ["web", "work", "manage"])
def test_roles_that_seal_and_open_have_the_key(role: str) -> None:
    knows = what_a_role_knows(role)
    assert (knows["keys"], knows["mail"]) == (1, True)
