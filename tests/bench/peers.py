"""The peers for deployments: ansible with a playbook, and a shell script with scp and ssh, as people run them."""

import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.machines import Machine, Machines
from tests.servers.ca import TestCa
from tests.servers.places import TOOLS, plain_environment

AT_ONCE = 20  # Connections of the script; ansible has a fork per machine.
MODES = {"cert.pem": "0644", "key.pem": "0600", "chain.pem": "0644", "fullchain.pem": "0644"}

_COPY = """    - copy:
        src: {source}/{name}
        dest: "{{{{ directory }}}}/{name}"
        mode: "{mode}"
"""
_PLAYBOOK = """- hosts: all
  gather_facts: false
  tasks:
{copies}    - command: {reload}
"""
# The new files arrive beside the old ones and are renamed into place, as ours are.
_SCRIPT = """#!/bin/sh
set -e
machine=$1 directory=$2
scp -q -p -F {config} {files} "$machine:$directory/.new/"
ssh -F {config} "$machine" "cd $directory && mv -f .new/*.pem . && {reload}"
"""


class Peer:
    """Puts a fresh certificate's files from a directory of its own onto the first machines; what it took."""

    name: str

    def __init__(self, machines: Machines, place: Path) -> None:
        self.machines, self.place = machines, place / self.name
        self.place.mkdir()
        self.ca = TestCa()
        machines.make_directories(self.name)

    def deploy(self, count: int) -> dict[str, float]:
        issued = self.ca.issue(["bench.example"])
        issued.write(self.place)
        for name, mode in MODES.items():
            (self.place / name).chmod(int(mode, 8))
        chosen = self.machines.each[:count]
        taken = self._measured(*self._command(chosen))
        for machine in chosen:
            there = self.machines.directory(self.name, machine)
            if (there / "cert.pem").read_bytes() != issued.cert_pem or (there / "key.pem").stat().st_mode & 0o077:
                raise RuntimeError(f"{self.name} did not do its work in {there}")
        return taken

    def _command(self, chosen: Sequence[Machine]) -> tuple[Sequence[str], str, Mapping[str, str]]:
        """What to run, its standard input, and its environment."""
        raise NotImplementedError

    def _measured(self, command: Sequence[str], told: str, environment: Mapping[str, str]) -> dict[str, float]:
        """CPU seconds of the process and of what it has waited for; a master of shared connections is not in it."""
        log = self.place / "output.log"
        (self.place / "input").write_text(told)
        started = time.monotonic()
        with log.open("wb") as out, (self.place / "input").open("rb") as given:
            popen = subprocess.Popen(command, env=dict(environment), stdin=given, stdout=out, stderr=out)
            _, status, usage = os.wait4(popen.pid, 0)
            popen.returncode = os.waitstatus_to_exitcode(status)
        if popen.returncode:
            raise RuntimeError(f"{self.name}: {log.read_text()[-1000:]}")
        return {"cpu_seconds": usage.ru_utime + usage.ru_stime, "wall_seconds": time.monotonic() - started}


class Ansible(Peer):
    """As its documentation advises for speed: pipelining, one fork per machine, shared connections, no facts."""

    name = "ansible"

    def __init__(self, machines: Machines, place: Path) -> None:
        super().__init__(machines, place)
        self._runs = 0
        copies = "".join(_COPY.format(source=self.place, name=name, mode=mode) for name, mode in MODES.items())
        (self.place / "playbook.yml").write_text(_PLAYBOOK.format(copies=copies, reload=machines.reload))

    def _command(self, chosen: Sequence[Machine]) -> tuple[Sequence[str], str, Mapping[str, str]]:
        lines = [f"{one.name} directory={self.machines.directory(self.name, one)}" for one in chosen]
        inventory = self.place / "inventory"
        inventory.write_text("\n".join([*lines, "[all:vars]", "ansible_python_interpreter=/usr/bin/python3", ""]))
        command = [str(TOOLS / "ansible/bin/ansible-playbook"), "-i", str(inventory), str(self.place / "playbook.yml")]
        # Each run opens its connections anew, as ours does: the ones of the run before are under another path.
        self._runs += 1
        return command, "", self._environment(self.place / f"c{self._runs}")

    def _environment(self, control: Path) -> dict[str, str]:
        shared = f"-F {self.machines.ssh_config} -o ControlMaster=auto -o ControlPersist=20s"
        return plain_environment(
            ANSIBLE_HOME=str(self.place),
            ANSIBLE_PIPELINING="True",
            ANSIBLE_FORKS="50",
            ANSIBLE_SSH_ARGS=shared,
            ANSIBLE_SSH_CONTROL_PATH_DIR=str(control),
        )


class OpenSsh(Peer):
    """Two commands per machine, some machines at once."""

    name = "openssh"

    def __init__(self, machines: Machines, place: Path) -> None:
        super().__init__(machines, place)
        for machine in machines.each:
            new = machines.directory(self.name, machine) / ".new"
            new.mkdir()
            machines.user.own(new)
        files = shlex.join(str(self.place / name) for name in MODES)
        self._script = self.place / "deploy.sh"
        self._script.write_text(_SCRIPT.format(config=machines.ssh_config, files=files, reload=machines.reload))

    def _command(self, chosen: Sequence[Machine]) -> tuple[Sequence[str], str, Mapping[str, str]]:
        told = "".join(f"{one.name} {self.machines.directory(self.name, one)}\n" for one in chosen)
        return ["xargs", "-P", str(AT_ONCE), "-L", "1", "sh", str(self._script)], told, plain_environment()
