"""The operator lets an agent connect somewhere: a commit of its own, seen and approved as any."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from hive.wire.names import agent_name
from tests.fakes.manager_git import commit, git
from tests.fakes.running import Running, running
from tests.integration.test_operator_work import Shell

BOB = agent_name("bob")
OWN = '# mine\nallow = ["a.example"] # kept\n\n[env]\nCITY = "Bremen"\n'


async def _deployed(daemon: Running, text: str) -> None:
    """Have bob run with that agent.toml."""
    repo = daemon.hive.paths.agent_config(BOB)
    sha = await trio.to_thread.run_sync(commit, repo, {"agent.toml": text, "more/file": "x"})
    asked = await daemon.agent("manager", "request_apply_commit", agent="bob", commit_ref=sha)
    assert (await daemon.operator("approve", id=asked["id"]))["ok"]


async def test_what_the_operator_allows_is_a_commit_that_is_seen_approved_and_counts(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(short_tmp) as daemon:
        shell = Shell(daemon, capsys)
        await shell.run("spawn", "bob")
        await _deployed(daemon, OWN)
        said = await shell.run("allow", "bob", "pypi.org", "a.example", "10.1.2.3:8080")
        assert said == "bob waits as approval 2: hive.pyz diff 2, then hive.pyz approve 2\n"
        assert daemon.hive.agents.get(BOB).config.allow == ("a.example",)
        diff = (await shell.run("diff", "2")).splitlines()
        changed = [line for line in diff if line.startswith(("-a", "+a"))]
        assert changed == [
            '-allow = ["a.example"] # kept',
            '+allow = ["a.example", "pypi.org", "10.1.2.3:8080"] # kept',
        ]
        assert "Asked for by the operator" in await shell.run("pending")
        await shell.run("approve", "2")
        assert daemon.hive.agents.get(BOB).config.allow == (
            "a.example",
            "pypi.org",
            "10.1.2.3:8080",
        )
        applied = daemon.hive.paths.applied(BOB)
        who = git(applied, "log", "-1", "--format=%an|%s|%P", "main")
        before = git(applied, "rev-parse", "deployed/1")
        assert who == f"operator|allow pypi.org, 10.1.2.3:8080|{before}"
        assert git(applied, "show", "main:more/file") == "x"
        ends = [each for each in daemon.hive.audit.newest(50) if each.entry.action == "allow"]
        assert {each.entry.subject for each in ends} == {"bob"}


async def test_what_the_manager_has_meanwhile_is_neither_deployed_nor_lost(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="bob")
        repo = daemon.hive.paths.agent_config(BOB)
        newer = await trio.to_thread.run_sync(commit, repo, {"agent.toml": 'model = "opus"\n'})
        (repo / "agent.toml").write_text("# not committed\n")
        asked = await daemon.operator("allow", name="bob", hosts=["pypi.org"])
        assert (await daemon.operator("approve", id=asked["approval_id"]))["ok"]
        config = daemon.hive.agents.get(BOB).config
        assert (config.allow, config.model) == (("pypi.org",), None)
        assert git(repo, "rev-parse", "HEAD") == newer
        assert (repo / "agent.toml").read_text() == "# not committed\n"
        reply = await daemon.agent("manager", "request_apply_commit", agent="bob", commit_ref=newer)
        assert "git fetch applied && git rebase applied/main" in reply["message"]


async def test_what_cannot_be_allowed_is_said_and_leaves_nothing_waiting(short_tmp: Path) -> None:
    async with running(short_tmp, allow=("b.example:443",)) as daemon:
        for name in ("bob", "eve"):
            await daemon.operator("spawn", name=name)
        await _deployed(daemon, f'network = "host"\n{OWN}')

        async def refused(name: str, *hosts: str) -> str:
            reply = await daemon.operator("allow", name=name, hosts=list(hosts))
            assert not reply["ok"]
            return str(reply["error"])

        assert "the host's whole network" in await refused("bob", "pypi.org")
        await _deployed(daemon, OWN)
        assert "there is no agent 'carl'" in await refused("carl", "pypi.org")
        assert "name the hosts" in await refused("bob")
        assert "is no destination" in await refused("bob", "pypi.org", "https://pypi.org/")
        assert "already" in await refused("bob", "a.example:80", "b.example:443")
        assert len((await daemon.operator("pending"))["approvals"]) == 0
        asked = await daemon.operator("allow", name="bob", hosts=["b.example"])
        assert asked["ok"]
        number = asked["approval_id"]
        again = await refused("bob", "c.example")
        assert again == f"approval {number} waits with a change of bob: decide that first"
        # Another agent is not concerned, and has no agent.toml that says anything.
        assert (await daemon.operator("allow", name="eve", hosts=["c.example"]))["ok"]


async def test_a_commit_that_is_deployed_in_between_is_not_undone(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="bob")
        asked = await daemon.operator("allow", name="bob", hosts=["pypi.org"])
        await _deployed(daemon, 'model = "opus"\n')
        reply = await daemon.operator("approve", id=asked["approval_id"])
        assert "does not come after what is deployed now" in reply["error"]
        assert daemon.hive.agents.get(BOB).config.model == "opus"
        asked = await daemon.operator("allow", name="bob", hosts=["pypi.org"])
        assert (await daemon.operator("approve", id=asked["approval_id"]))["ok"]
        config = daemon.hive.agents.get(BOB).config
        assert (config.allow, config.model) == (("pypi.org",), "opus")
