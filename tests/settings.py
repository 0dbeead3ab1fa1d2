"""Settings of the test run: throw-away keys, fast hashing, no manifest; everything else as shipped."""

import os

os.environ.update(
    SECRET_KEY="tests-only-" + "x" * 40,
    SECRETS_ENCRYPTION_KEY="11" * 32,
    ROLE="manage",
    SITE_URL="http://localhost:8000",
    ACME_EMAIL="",
)

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_BROKER_URL = "memory://"
