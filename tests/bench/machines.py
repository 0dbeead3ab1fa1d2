"""Machines to deploy to: addresses of this one, each with an sshd and with a directory that is nobody else's."""

import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.people import DeployUser, deploy_user
from tests.servers.places import private_directory
from tests.servers.sshd import sshd

PER_SSHD = 13  # It listens at 16 addresses at most, and at the first one always.
# The peers' default key exchange is a post-quantum one that takes them 60 ms of CPU; everybody has the same here.
_SSH_CONFIG = """Host *
  User {user}
  IdentityFile {key}
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  LogLevel ERROR
  KexAlgorithms curve25519-sha256
"""
_MACHINE = "Host {name}\n  HostName {host}\n  Port {port}\n"
# Every contestant's last step; what it leaves is counted.
_RELOAD = "#!/bin/sh\necho reloaded >> {home}/reloads\n"


@dataclass(frozen=True)
class Machine:
    name: str
    host: str
    port: int
    fingerprint: str


@dataclass(frozen=True)
class Machines:
    """They share a user and a home; `reload` is the command, `ssh_config` knows each machine by its name."""

    each: Sequence[Machine]
    user: DeployUser
    ssh_config: Path

    @property
    def reload(self) -> Path:
        return self.user.home / "reload"

    @property
    def reloads(self) -> int:
        """How often the command was run."""
        tally = self.user.home / "reloads"
        return len(tally.read_text().splitlines()) if tally.exists() else 0

    def directory(self, contestant: str, machine: Machine) -> Path:
        return self.user.home / contestant / machine.name

    def make_directories(self, contestant: str) -> None:
        for machine in self.each:
            path = self.directory(contestant, machine)
            path.mkdir(parents=True)
            self.user.own(path.parent, path)


@contextmanager
def machines(count: int) -> Iterator[Machines]:
    with ExitStack() as stack:
        place = stack.enter_context(private_directory("machines", shared=True))
        user = stack.enter_context(deploy_user(place))
        found: list[Machine] = []
        while len(found) < count:
            addresses = [f"127.0.0.{2 + number}" for number in range(min(PER_SSHD, count - len(found)))]
            server = stack.enter_context(sshd(user=user, extra=[f"ListenAddress {one}" for one in addresses]))
            for address in addresses:
                found.append(Machine(f"m{len(found)}", address, server.port, server.fingerprint))
        yield Machines(found, user, _configure(place, user, found))


def _configure(place: Path, user: DeployUser, found: Sequence[Machine]) -> Path:
    key = place / "key"
    key.touch(mode=0o600)
    key.write_text(user.private_key)
    reload = user.home / "reload"
    reload.write_text(_RELOAD.format(home=user.home))
    reload.chmod(reload.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    hosts = "".join(_MACHINE.format(name=one.name, host=one.host, port=one.port) for one in found)
    config = place / "ssh_config"
    config.write_text(hosts + _SSH_CONFIG.format(user=user.name, key=key))
    return config
