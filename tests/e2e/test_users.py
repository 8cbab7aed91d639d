"""A whole hive of root's, where each agent is a user of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hive import calls
from hive.wire.names import MANAGER, AgentName
from tests.e2e.stage import CALL_S, STAND_IN, Stage, spawn, stage
from tests.fakes import as_user
from tests.fakes.http_client import fetch

FIRST = 1_900_000_000
ALICE = AgentName("alice")


def _bash(command: str) -> str:
    return f"!tool Bash {json.dumps({'command': command, 'description': 'look around'})}"


def _tell(body: str) -> str:
    return f"!tool send {json.dumps({'to': 'operator', 'body': body})}"


def _owner(path: Path) -> int:
    return path.lstat().st_uid


def _users_of(hive: Stage, name: str) -> set[int]:
    return {Path(f"/proc/{pid}").stat().st_uid for pid in hive.processes(name)}


def _as_an_older_hive_left_it(hive: Stage) -> None:
    """Make everything the daemon's user's again, and closed to others, as it was then."""
    for at, folders, files in os.walk(hive.paths.state):
        for name in (*folders, *files):
            path = Path(at, name)
            os.chown(path, 0, 0, follow_symlinks=False)
            # Agents write for everybody to read, then as now.
            if not path.is_symlink() and not path.is_relative_to(hive.paths.agents):
                path.chmod(path.stat().st_mode & 0o750)
    for folder in (hive.paths.agents, *hive.paths.agents.glob("*"), *hive.paths.agents.glob("*/*")):
        folder.chmod(0o750)
    hive.paths.shared.chmod(0o750)


if os.geteuid() == 0:

    async def test_every_agent_is_a_user_of_its_own_and_stays_it(short_tmp: Path) -> None:
        async with stage(short_tmp, STAND_IN, "live") as hive:
            await spawn(hive, "alice", "bob")
            wanted = {MANAGER: FIRST, "alice": FIRST + 1, "bob": FIRST + 2}
            assert {name: _users_of(hive, name) for name in wanted} == {
                name: {user} for name, user in wanted.items()
            }
            hive.kill_daemon()
            await hive.start()
            await hive.send("alice", _bash("id -u >/shared/who; touch /state/mine"), _tell("done"))
            await hive.wait_inbox("done")
            assert (hive.paths.shared / "who").read_text() == f"{FIRST + 1}\n"
            assert _owner(hive.paths.agent_state(ALICE) / "mine") == FIRST + 1
            assert (await hive.operator("rebuild", name="alice"))["ok"]
            assert (await hive.operator("destroy", name="bob"))["ok"]
            await spawn(hive, "carol", "bob")
            assert {name: _users_of(hive, name) for name in ("alice", "bob", "carol")} == {
                "alice": {FIRST + 1},
                "bob": {FIRST + 2},
                "carol": {FIRST + 3},
            }

    async def test_another_agents_user_is_refused_on_an_agents_socket(short_tmp: Path) -> None:
        async with stage(short_tmp, STAND_IN, "live") as hive:
            await spawn(hive, "alice")
            path = hive.paths.agent_socket(ALICE)
            whoami = {"cmd": "whoami"}
            reply = await as_user.call(path, whoami, FIRST + 1, CALL_S)
            assert (reply["kind"], reply["name"]) == ("whoami", "alice")
            # Not even root, who may walk to it.
            reply = await calls.call(path, whoami, timeout_s=CALL_S)
            assert (reply["kind"], reply["code"]) == ("error", "refused")
            assert f"only alice may speak here, as user {FIRST + 1}" in reply["message"]
            with pytest.raises(PermissionError):
                as_user.connect(path, FIRST + 2, walks=False)
            # Were its file open to all, it would be refused all the same.
            path.chmod(0o666)
            assert (await as_user.call(path, whoami, FIRST, CALL_S))["code"] == "refused"

    async def test_the_manager_reads_what_agents_do_and_not_their_logins(short_tmp: Path) -> None:
        async with stage(short_tmp, STAND_IN, "live") as hive:
            await spawn(hive, "alice")
            (hive.paths.agent_state(ALICE) / "notes").write_text("open\n")
            login = hive.paths.agent_claude(ALICE) / ".credentials.json"
            login.write_text("secret\n")
            await hive.send(
                MANAGER,
                _bash(
                    "cd /shared; cat /agents/alice/state/notes >notes"
                    "; cat /agents/alice/claude/.credentials.json >login 2>&1"
                    "; touch /agents/alice/state/x /agents/x 2>written"
                    "; cd /agents/alice/config && echo '# x' >>agent.toml && git commit -qam mine"
                    " && git fetch -q applied && git -C /applied/alice log --oneline >/shared/log"
                    " && git -C /meta log --oneline >>/shared/log; git status >/dev/null"
                    " && echo ok >>/shared/log"
                ),
                _tell("looked"),
            )
            await hive.wait_inbox("looked")
            said = {path.name: path.read_text() for path in hive.paths.shared.iterdir()}
            assert said["notes"] == "open\n"
            assert "secret" not in said["login"]
            assert said["written"].count("Permission denied") == 2
            assert said["log"].endswith("ok\n")
            assert _owner(hive.paths.agent_config(ALICE) / "agent.toml") == FIRST

    async def test_what_one_agent_shares_another_cannot_change(short_tmp: Path) -> None:
        async with stage(short_tmp, STAND_IN, "live") as hive:
            await spawn(hive, "alice", "bob")
            await hive.send("alice", _bash("echo hers >/shared/x"), _tell("put"))
            await hive.wait_inbox("put")
            await hive.send("bob", _bash("echo his >/shared/x; rm -f /shared/x"), _tell("tried"))
            await hive.wait_inbox("tried")
            assert (hive.paths.shared / "x").read_text() == "hers\n"

    async def test_what_an_older_hive_left_is_given_to_its_agents_once(short_tmp: Path) -> None:
        async with stage(short_tmp, STAND_IN, "live") as hive:
            await spawn(hive, "alice")
            (hive.paths.agent_state(ALICE) / "work").write_text("old\n")
            (hive.paths.shared / "old").write_text("old\n")
            await hive.stop()
            _as_an_older_hive_left_it(hive)
            await hive.start()
            await hive.send("alice", _bash("cat work >read && echo new >>work"), _tell("goes on"))
            await hive.wait_inbox("goes on")
            state = hive.paths.agent_state(ALICE)
            assert (state / "work").read_text() == "old\nnew\n"
            assert _owner(state / "work") == FIRST + 1
            assert _owner(hive.paths.shared / "old") == FIRST
            await hive.send(
                MANAGER, _bash("cat /agents/alice/state/work >/shared/seen"), _tell("seen")
            )
            await hive.wait_inbox("seen")
            assert (hive.paths.shared / "seen").read_text() == "old\nnew\n"

    async def test_where_others_cannot_be_used_agents_are_the_daemons_and_the_page_says_so(
        short_tmp: Path,
    ) -> None:
        async with stage(short_tmp, STAND_IN, "live") as hive:
            await spawn(hive, "alice")
            await hive.stop()
            # As root of a container that was given few rights.
            hive.launcher = ["setpriv", "--bounding-set", "-sys_admin"]
            await hive.start()
            assert _users_of(hive, "alice") == {0}
            await hive.send("alice", _bash("touch /state/again"), _tell("still there"))
            await hive.wait_inbox("still there")
            (said,) = [each for each in await _notices(hive) if "root's number" in each["message"]]
            assert "this root has no CAP_SYS_ADMIN" in said["message"]


async def _notices(hive: Stage) -> list[dict[str, str]]:
    """Return what the dashboard says of the hive as a whole."""
    token = (await hive.operator("create_token", name="test"))["token"]
    port = urlsplit((await hive.operator("urls"))["urls"]["home"]).port or 0
    headers = {"Authorization": f"Bearer {token}"}
    reply = await fetch(port, "GET", "/api/state", headers=headers)
    found: list[dict[str, str]] = reply.json()["notices"]
    return found
