"""Settings of the test run: throw-away keys, fast hashing, no manifest; everything else as shipped."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# With our pid in it, what a killed run leaves is found and removed by the next.
RUN_DIR = Path(tempfile.mkdtemp(prefix=f"mmc-{os.getpid()}-tests-"))
atexit.register(shutil.rmtree, RUN_DIR, ignore_errors=True)
os.environ.update(
    SECRET_KEY="tests-only-" + "x" * 40,
    SECRETS_ENCRYPTION_KEY="11" * 32,
    ROLE="manage",
    SITE_URL="http://localhost:8000",
    ACME_EMAIL="",
    GOOGLE_CLIENT_ID="tests.apps.googleusercontent.com",
    VAR_DIR=str(RUN_DIR),
)

from config.settings import *  # noqa: E402, F403

MIDDLEWARE = ["tests.witness.api_witness", *MIDDLEWARE]  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if not DATABASE_URL:  # noqa: F405
    # A file: the in-memory database of Django's test runner is shared between threads in a way that
    # knows no waiting, and several tests are about threads that wait for one another.
    DATABASES["default"]["TEST"] = {"NAME": RUN_DIR / "test.sqlite3"}  # noqa: F405
elif "TEST_TEMPLATE" in os.environ:
    # A migrated database in the same server: its copy leaves the migrations nothing to do.
    DATABASES["default"]["TEST"] = {"TEMPLATE": os.environ["TEST_TEMPLATE"]}  # noqa: F405
