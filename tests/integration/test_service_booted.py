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
UNIT = "/etc/systemd/system/hyperhive.service"
DROP_IN = f"{UNIT}.d/test.conf"


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

    def install(self) -> str:
        """Install hive as the page says; return what the doctor said last."""
        return self.sh(documented("Install"))

    def remove(self) -> None:
        """Leave nothing of hive but its file, whatever is there."""
        self.system.run("systemctl", "disable", "--now", "hyperhive")
        self.system.run("pkill", "-KILL", "-x", "bwrap")
        for account in ("userdel", "groupdel"):
            self.system.run(account, "hive")
        self.sh(
            f"rm -rf /var/lib/hyperhive /etc/hyperhive {UNIT} {UNIT}.d; systemctl daemon-reload"
        )

    def answers(self, text: str) -> None:
        """Let alice answer something."""
        self.sh(f"hive.pyz send alice {text}")
        self.until(lambda: text in self.sh("hive.pyz inbox"), f"alice did not answer {text}")


if booted.IS_POSSIBLE:
    pytestmark = pytest.mark.slow

    @pytest.fixture(scope="module")
    def host(tmp_path_factory: pytest.TempPathFactory, pyz: Path) -> Iterator[Host]:
        """One booted system for all of these tests, which need no order."""
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
            made.remove()

    @pytest.fixture
    def hive(host: Host) -> Host:
        """The same with hive installed and an agent that is called alice."""
        if "alice" not in host.system.run("hive.pyz", "list").stdout:
            host.remove()
            host.install()
            host.settings(demo=True)
            host.sh("hive.pyz spawn alice")
        host.settings(demo=True)
        return host

    def test_the_documented_commands_install_a_hive_that_the_doctor_finds_well(
        host: Host,
    ) -> None:
        host.remove()
        said = host.install()
        assert "BAD" not in said, said
        assert "ok   daemon" in said or "ok   task dashboard: running" in said
        assert "each agent is a user of its own" in said
        assert host.shown("ActiveState") == "active"
        assert host.shown("Type") == "notify"

    def test_systemd_takes_the_unit_as_it_is_installed(hive: Host) -> None:
        done = hive.system.run("systemd-analyze", "verify", "hyperhive.service")
        lines = [line for line in done.stdout.splitlines() if "DelegateSubgroup" not in line]
        assert (done.returncode, lines) == (0, [])

    def test_when_systemctl_comes_back_the_hive_is_up(hive: Host) -> None:
        hive.sh("systemctl restart hyperhive")
        assert hive.is_answering()
        assert "the hive is up: http://127.0.0.1:7000" in hive.shown("StatusText")
        assert "hive.nursery.commands: the hive is up" in hive.journal()

    def test_each_agent_is_a_user_of_its_own_and_works(hive: Host) -> None:
        assert len(set(hive.sandboxes().values())) == 2
        assert FIRST_AGENT_UID in hive.sandboxes().values()
        assert "0" not in hive.sandboxes().values()
        hive.answers("first")

    def test_containers_outlive_a_restart_and_a_stop_of_the_daemon(hive: Host) -> None:
        before = hive.sandboxes()
        hive.sh("systemctl restart hyperhive")
        assert hive.sandboxes() == before
        hive.sh("systemctl stop hyperhive")
        assert hive.sandboxes() == before
        hive.sh("systemctl start hyperhive")
        hive.answers("second")
        assert hive.sandboxes() == before

    def test_a_daemon_that_is_killed_is_there_again_with_its_containers(hive: Host) -> None:
        before, restarts = hive.sandboxes(), int(hive.shown("NRestarts"))
        hive.sh(f"kill -KILL {hive.daemon()}")
        hive.until(lambda: int(hive.shown("NRestarts")) == restarts + 1, "it was not restarted")
        hive.until(hive.is_answering, "it is not up")
        hive.answers("third")
        assert hive.sandboxes() == before

    def test_a_daemon_that_hangs_is_ended_and_started_anew(hive: Host) -> None:
        before = hive.sandboxes()
        hive.write(DROP_IN, "[Service]\nWatchdogSec=15\nTimeoutAbortSec=5\n")
        hive.settings(demo=True)
        pid, restarts = hive.daemon(), int(hive.shown("NRestarts"))
        hive.sh(f"kill -STOP {pid}")
        hive.until(lambda: int(hive.shown("NRestarts")) > restarts, "nobody missed it")
        hive.until(hive.is_answering, "it is not up")
        assert "Watchdog timeout" in hive.journal()
        assert hive.shown("MainPID") != pid
        assert hive.sandboxes() == before
        (hive.root / DROP_IN.lstrip("/")).unlink()

    def test_a_container_that_is_started_under_the_unit_is_as_any(hive: Host) -> None:
        assert "alice: restarted" in hive.sh("hive.pyz restart alice")
        hive.answers("fourth")
        said = hive.sh("hive.pyz shell alice -- sh -c 'id -u; ls /dev'")
        assert set(said.split()) & {"1900000000", "1900000001"}
        assert {"null", "ptmx", "urandom"} <= set(said.split())

    def test_the_documented_upgrade_leaves_containers_and_their_work_alone(hive: Host) -> None:
        before, pid = hive.sandboxes(), hive.shown("MainPID")
        hive.sh(documented("A newer hive", of="upgrade.md"))
        assert hive.shown("MainPID") != pid
        hive.answers("newer")
        assert hive.sandboxes() == before

    def test_a_key_that_systemd_hands_over_is_found_where_the_module_says(hive: Host) -> None:
        name = "ANTHROPIC_API_KEY"
        hive.write("/etc/hyperhive/api-key", "sk-test")
        (hive.root / "etc/hyperhive/api-key").chmod(0o600)
        hive.write(DROP_IN, f"[Service]\nLoadCredential={name}:/etc/hyperhive/api-key\n")
        place = f"/run/credentials/hyperhive.service/{name}"
        hive.settings(claude_secret_files={name: place})
        hive.sh("hive.pyz rebuild manager")
        given = hive.root / "var/lib/hyperhive/given/manager/secrets" / name
        assert given.read_text().strip() not in {"", "sk-test"}
        (hive.root / DROP_IN.lstrip("/")).unlink()

    def test_the_documented_unit_of_an_ordinary_user_runs_its_agents_as_that_user(
        host: Host,
    ) -> None:
        host.remove()
        host.install()
        host.sh("systemctl stop hyperhive; pkill -KILL -x bwrap; rm -r /var/lib/hyperhive")
        host.sh(documented("Root or a user of its own"))
        host.settings(demo=True)
        assert "alice: spawned" in host.sh("hive.pyz spawn alice")
        assert set(host.sandboxes().values()) == {host.sh("id -u hive").strip()}
        host.answers("fifth")
        said = host.sh(f"hive.pyz doctor --socket {SOCKET}")
        host.remove()
        assert "user hive and the members of group hive" in said

    def test_the_documented_commands_remove_it(hive: Host) -> None:
        hive.sh("hive.pyz kill alice; " + documented("Remove it"))
        assert hive.system.run("systemctl", "status", "hyperhive").returncode == 4
        assert hive.system.run("systemctl", "is-system-running").stdout.strip() == "running"

    def test_a_unit_for_this_machine_names_this_program(pyz: Path) -> None:
        done = subprocess.run([pyz, "unit"], capture_output=True, text=True)
        assert f"ExecStart={pyz} serve" in done.stdout
