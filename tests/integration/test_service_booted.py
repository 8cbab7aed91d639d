"""The unit with the real hive.pyz under systemd, in a booted Debian with what the page asks for."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.fakes import claude_binary
from tests.fakes.nixos import booted
from tests.fakes.nixos.booted import BASE, Booted
from tests.unit.docs.pages import blocks, page, section, table

PATIENCE_S = 180.0
SOCKET = "/run/hyperhive/host.sock"
CONFIG = "/etc/hyperhive/config.json"
FIRST_AGENT_UID = "1900000000"
DROP_IN = "/etc/systemd/system/hyperhive.service.d/test.conf"


def documented(heading: str, of: str = "install-systemd.md") -> str:
    """Return the commands below a heading of a page."""
    return blocks(section(page(of), heading), "sh")[0]


@attrs.frozen
class Host:
    """A Debian with hive as a service."""

    system: Booted
    root: Path

    def sh(self, script: str) -> str:
        """Run commands as root; fails with what they said."""
        done = self.system.run("sh", "-ec", f"cd /root; {script}")
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{self.journal()}"
        return done.stdout

    def journal(self) -> str:
        """Return what the daemon and systemd said of it."""
        return self.system.run("journalctl", "-u", "hyperhive", "-o", "cat", "--no-pager").stdout

    def shown(self, name: str) -> str:
        """Return a property of the unit."""
        return self.sh(f"systemctl show --value -p {name} hyperhive").strip()

    def daemon(self) -> str:
        """Return the daemon's process; 0 would be the group of whoever signals it."""
        pid = self.shown("MainPID")
        assert int(pid) > 1, self.journal()
        return pid

    def write(self, path: str, text: str) -> None:
        """Write a file of the host."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    def settings(self, **settings: object) -> None:
        """Restart the daemon with these settings."""
        self.write(CONFIG, json.dumps(settings))
        self.sh("systemctl daemon-reload; systemctl restart hyperhive")

    def sandboxes(self) -> dict[str, str]:
        """Return the processes that stand over containers, and whose they are."""
        lines = self.system.run("ps", "-C", "bwrap", "-o", "pid=,uid=").stdout.splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that comes by itself."""
        late = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < late, f"{what}\n{self.journal()}"
            time.sleep(0.2)

    def is_answering(self) -> bool:
        """Whether a daemon is up."""
        return self.system.run("hive.pyz", "list").returncode == 0

    def answers(self, text: str) -> None:
        """Let alice answer something."""
        self.sh(f"hive.pyz send alice {text}")
        self.until(lambda: text in self.sh("hive.pyz inbox"), f"alice did not answer {text}")


if booted.IS_POSSIBLE:
    pytestmark = pytest.mark.slow

    @pytest.fixture(scope="module")
    def host(tmp_path_factory: pytest.TempPathFactory, pyz: Path) -> Iterator[Host]:
        """One booted system for all of these tests, which follow one another."""
        root = tmp_path_factory.mktemp("service") / "root"
        row = table(section(page("install-systemd.md"), "What it needs"))[0]
        asked = row[1].strip("`").removeprefix("apt install ").split()
        booted.make_debian(root, ",".join([BASE, *asked]))
        shutil.copy(pyz, root / "root/hive.pyz")
        (root / "usr/local/bin/claude").touch()
        shown = [f"{claude_binary.find()}:/usr/local/bin/claude"]
        with booted.boot_debian(root, shown) as system:
            made = Host(system, root)
            # nspawn shuts what a machine of its own has open.
            made.sh("mount -o remount,bind,rw /proc/sys")
            yield made
            made.system.run("systemctl", "stop", "hyperhive")

    def test_the_documented_commands_install_a_hive_that_the_doctor_finds_well(
        host: Host,
    ) -> None:
        said = host.sh(documented("Install"))
        assert "BAD" not in said, said
        assert "ok   daemon" in said or "ok   task dashboard: running" in said
        assert "each agent is a user of its own" in said
        assert host.shown("ActiveState") == "active"
        assert host.shown("Type") == "notify"

    def test_systemd_takes_the_unit_as_it_is_installed(host: Host) -> None:
        done = host.system.run("systemd-analyze", "verify", "hyperhive.service")
        lines = [line for line in done.stdout.splitlines() if "DelegateSubgroup" not in line]
        assert (done.returncode, lines) == (0, [])

    def test_when_systemctl_comes_back_the_hive_is_up(host: Host) -> None:
        host.settings(demo=True)
        assert host.is_answering()
        assert "the hive is up: http://127.0.0.1:7000" in host.shown("StatusText")
        assert "hive.nursery.commands: the hive is up" in host.journal()

    def test_each_agent_is_a_user_of_its_own_and_works(host: Host) -> None:
        host.sh("hive.pyz spawn alice")
        assert len(set(host.sandboxes().values())) == 2
        assert FIRST_AGENT_UID in host.sandboxes().values()
        assert "0" not in host.sandboxes().values()
        host.answers("first")

    def test_containers_outlive_a_restart_and_a_stop_of_the_daemon(host: Host) -> None:
        before = host.sandboxes()
        host.sh("systemctl restart hyperhive")
        assert host.sandboxes() == before
        host.sh("systemctl stop hyperhive")
        assert host.sandboxes() == before
        host.sh("systemctl start hyperhive")
        host.answers("second")
        assert host.sandboxes() == before

    def test_a_daemon_that_is_killed_is_there_again_with_its_containers(host: Host) -> None:
        before, restarts = host.sandboxes(), int(host.shown("NRestarts"))
        host.sh(f"kill -KILL {host.daemon()}")
        host.until(lambda: int(host.shown("NRestarts")) == restarts + 1, "it was not restarted")
        host.until(host.is_answering, "it is not up")
        host.answers("third")
        assert host.sandboxes() == before

    def test_a_daemon_that_hangs_is_ended_and_started_anew(host: Host) -> None:
        before = host.sandboxes()
        host.write(DROP_IN, "[Service]\nWatchdogSec=15\nTimeoutAbortSec=5\n")
        host.settings(demo=True)
        pid, restarts = host.daemon(), int(host.shown("NRestarts"))
        host.sh(f"kill -STOP {pid}")
        host.until(lambda: int(host.shown("NRestarts")) > restarts, "nobody missed it")
        host.until(host.is_answering, "it is not up")
        assert "Watchdog timeout" in host.journal()
        assert host.shown("MainPID") != pid
        assert host.sandboxes() == before
        (host.root / DROP_IN.lstrip("/")).unlink()

    def test_a_container_that_is_started_under_the_unit_is_as_any(host: Host) -> None:
        assert "alice: restarted" in host.sh("hive.pyz restart alice")
        host.answers("fourth")
        said = host.sh("hive.pyz shell alice -- sh -c 'id -u; ls /dev'")
        assert set(said.split()) & {"1900000000", "1900000001"}
        assert {"null", "ptmx", "urandom"} <= set(said.split())

    def test_the_documented_upgrade_leaves_containers_and_their_work_alone(host: Host) -> None:
        before, pid = host.sandboxes(), host.shown("MainPID")
        host.sh(documented("A newer hive", of="upgrade.md"))
        assert host.shown("MainPID") != pid
        host.answers("newer")
        assert host.sandboxes() == before

    def test_a_key_that_systemd_hands_over_is_found_where_the_module_says(host: Host) -> None:
        name = "ANTHROPIC_API_KEY"
        host.write("/etc/hyperhive/api-key", "sk-test")
        (host.root / "etc/hyperhive/api-key").chmod(0o600)
        host.write(DROP_IN, f"[Service]\nLoadCredential={name}:/etc/hyperhive/api-key\n")
        place = f"/run/credentials/hyperhive.service/{name}"
        host.settings(claude_secret_files={name: place})
        host.sh("hive.pyz rebuild manager")
        given = host.root / "var/lib/hyperhive/given/manager/secrets" / name
        assert given.read_text().strip() not in {"", "sk-test"}
        (host.root / DROP_IN.lstrip("/")).unlink()

    def test_the_documented_unit_of_an_ordinary_user_runs_its_agents_as_that_user(
        host: Host,
    ) -> None:
        host.sh("systemctl stop hyperhive; pkill -KILL -x bwrap; rm -r /var/lib/hyperhive")
        host.sh(documented("Root or a user of its own"))
        host.settings(demo=True)
        assert "alice: spawned" in host.sh("hive.pyz spawn alice")
        assert set(host.sandboxes().values()) == {host.sh("id -u hive").strip()}
        host.answers("fifth")
        said = host.sh(f"hive.pyz doctor --socket {SOCKET}")
        assert "user hive and the members of group hive" in said

    def test_the_documented_commands_remove_it(host: Host) -> None:
        host.sh("hive.pyz kill alice; " + documented("Remove it"))
        assert host.system.run("systemctl", "status", "hyperhive").returncode == 4
        assert host.system.run("systemctl", "is-system-running").stdout.strip() == "running"

    def test_a_unit_for_this_machine_names_this_program(pyz: Path) -> None:
        done = subprocess.run([pyz, "unit"], capture_output=True, text=True)
        assert f"ExecStart={pyz} serve" in done.stdout
