"""What a hostile server can do to `Test SSH`."""

from typing import cast

import pytest

from deploy.checking import nearest_directory
from deploy.ssh.files import RemoteFiles


class NoDirectories:
    """A server on which not even / is a directory."""

    asked = 0

    def is_directory(self, path: str) -> bool:
        self.asked += 1
        if self.asked > 10:
            pytest.fail("it is asked for ever")
        return False


def test_the_search_for_a_directory_ends_at_the_root() -> None:
    assert nearest_directory(cast(RemoteFiles, NoDirectories()), "/srv/tls/shop") == "/"
