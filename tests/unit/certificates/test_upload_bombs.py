"""Uploads made to burn time or memory: each ends soon, takes nobody down, and leaves nothing."""

import resource
import time

import pytest

from auditlog.events import SYSTEM
from certificates.models import Certificate, PrivateKey
from certificates.uploads.sandbox import WALL_SECONDS, Upload
from certificates.uploads.storing import store_upload
from config.lib.errors import NeedsUser, catalogue
from domains.models import Domain
from tests.fuzz.bombs import BOMBS, good

pytestmark = pytest.mark.django_db
# The child's own limit, with room for its start on a busy machine.
SECONDS = WALL_SECONDS + 3


def test_there_are_thirty() -> None:
    assert len(BOMBS) >= 30


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_soon_and_leaves_nothing(name: str, domain: Domain) -> None:
    content, password = BOMBS[name]()
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NeedsUser) as refused:
        store_upload(domain=domain, upload=Upload(content, password), actor=SYSTEM)
    print(f"{name}: {refused.value.code} after {time.monotonic() - started:.2f} s")
    assert refused.value.code in catalogue
    assert refused.value.code.startswith("upload_")
    assert time.monotonic() - started < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024, "the parent stays small"
    assert not Certificate.unscoped.exists()
    assert not PrivateKey.unscoped.exists()


def test_the_good_one_that_they_are_made_from_is_stored(domain: Domain) -> None:
    store_upload(domain=domain, upload=Upload(b"".join(good())), actor=SYSTEM)
    assert Certificate.unscoped.count() == 1
