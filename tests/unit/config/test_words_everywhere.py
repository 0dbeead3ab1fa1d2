"""Every process words every error, also one that never opens a connection: mails and events are told by such."""

import json
import os
import re
import subprocess
import sys

from tests.servers.places import ROOT

SCRIPT = """
import django, json
django.setup()
from config.lib.errors import catalogue
print(json.dumps(catalogue.keys()))
"""


def test_a_process_that_has_only_started_knows_all_words() -> None:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    documented = re.findall(r"^## (\w+)$", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(json.loads(done.stdout)) == sorted(documented)
