"""The whole story of a configuration, told by a real claude as the manager and by the operator."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.stage import REAL, Stage, stage

EDIT = (
    "cd /agents/worker/config && printf '%s\\n' {lines} > agent.toml"
    " && git add -A && git commit -qm {subject}"
)


def bash(command: str) -> str:
    """A directive that has claude run a command."""
    return "!tool Bash " + json.dumps({"command": command, "description": "work"})


def call(tool: str, **arguments: Any) -> str:
    """A directive that has claude call one of hive's tools."""
    return f"!tool {tool} {json.dumps(arguments)}"


def done(word: str) -> str:
    """A directive by which the manager says that it is through."""
    return call("send", to="operator", body=word)


def head(hive: Stage) -> str:
    """The newest commit the manager made, as the host sees it."""
    folder = hive.paths.agents / "worker" / "config"
    words = ["git", "-c", f"safe.directory={folder}", "-C", str(folder), "rev-parse", "HEAD"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def deploy_log(hive: Stage) -> list[str]:
    """The subjects of the meta repository's commits, oldest first."""
    words = ["git", "-C", str(hive.paths.meta), "log", "--format=%s", "--reverse"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()


def tags(hive: Stage) -> dict[str, str]:
    """The tags of the applied repository with what they say."""
    folder = hive.paths.all_applied / "worker"
    form = "--format=%(refname:short) %(contents:subject)"
    words = ["git", "-C", str(folder), "for-each-ref", form, "refs/tags"]
    out = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return dict(line.split(" ", 1) for line in out.splitlines())


async def pending(hive: Stage) -> dict[str, Any]:
    """Wait for the one approval that waits."""
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        found[:] = (await hive.operator("pending"))["approvals"]
        return bool(found)

    await hive.wait(is_there)
    return found[0]


async def says(hive: Stage, word: str, *lines: str) -> None:
    """Have the manager do something, and wait until it says that it is done."""
    await hive.send("manager", *lines, done(word))
    await hive.wait_inbox(word)


async def told(hive: Stage, event: str, **fields: Any) -> dict[str, Any]:
    """Return the newest event of that name that the manager was told, once it is there."""
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        rows = await hive.mail("manager")
        bodies = [json.loads(row) for row in rows if row.startswith('{"event"')]
        wanted = {"event": event, **fields}
        found[:] = [body for body in bodies if wanted.items() <= body.items()]
        return bool(found)

    await hive.wait(is_there)
    return found[-1]


async def test_a_configuration_from_the_first_idea_to_the_last_trace(short_tmp: Path) -> None:
    async with stage(short_tmp, REAL, "live") as hive:
        # An agent's repository, asked for and approved.
        await says(
            hive, "asked", call("request_init_config", name="worker", description="for sums")
        )
        first = await pending(hive)
        assert (first["kind"], first["agent"]) == ("init_config", "worker")
        assert (await hive.operator("approve", id=first["id"]))["ok"]
        await told(hive, "config_ready", agent="worker")

        # Edited, committed, and denied with a note.
        await says(hive, "edited", bash(EDIT.format(lines="'model = \"opus\"'", subject="opus")))
        await says(
            hive, "proposed", call("request_apply_commit", agent="worker", commit_ref=head(hive))
        )
        second = await pending(hive)
        assert second["kind"] == "apply_commit"
        assert second["fetched_sha"] == head(hive)
        looked_at = await hive.operator("diff", id=second["id"], base="running")
        assert '+model = "opus"' in looked_at["diff"]["text"]
        assert (await hive.operator("deny", id=second["id"], note="too dear"))["ok"]
        assert (await told(hive, "approval_resolved", id=second["id"]))["note"] == "too dear"

        # The second proposal is approved: the agent comes into being with its configuration.
        lines = "'[env]' 'GREETING = \"hello\"'"
        await says(hive, "mended", bash(EDIT.format(lines=lines, subject="greeting")))
        await says(
            hive, "again", call("request_apply_commit", agent="worker", commit_ref=head(hive)[:10])
        )
        third = await pending(hive)
        assert (await hive.operator("approve", id=third["id"]))["ok"]
        good = head(hive)
        assert (await told(hive, "spawned", agent="worker"))["tag"] == f"deployed/{third['id']}"
        report = 'printf %s "$GREETING" > /shared/greeting'
        await hive.send("worker", bash(report), done("greeted"))
        await hive.wait_inbox("greeted")
        assert (hive.paths.shared / "greeting").read_text() == "hello"
        assert (await hive.row("worker"))["deployed_sha"] == good[:12]

        # The manager sees what runs, beside its own repository.
        fetch = "git fetch -q applied && git rev-parse applied/main > /shared/fetched"
        await says(hive, "fetched", bash(f"cd /agents/worker/config && {fetch}"))
        assert (hive.paths.shared / "fetched").read_text().strip() == good

        # A broken one fails, and what ran goes on.
        lines = "'packages = [\"no-such-program-anywhere\"]'"
        await says(hive, "broken", bash(EDIT.format(lines=lines, subject="broken")))
        await says(hive, "try", call("request_apply_commit", agent="worker", commit_ref=head(hive)))
        fourth = await pending(hive)
        reply = await hive.operator("approve", id=fourth["id"])
        assert not reply["ok"]
        assert "no-such-program-anywhere" in reply["error"]
        assert "no-such-program-anywhere" in (await told(hive, "rebuilt", ok=False))["note"]
        assert (await hive.row("worker"))["deployed_sha"] == good[:12]

        # Rebuilt, destroyed with its state kept, revived as it was, and purged.
        assert (await hive.operator("rebuild", name="worker"))["ok"]
        await hive.send("worker", call("remind", message="later", delay_seconds=3600), done("mine"))
        await hive.wait_inbox("mine")
        said = tags(hive)
        assert said[f"denied/{second['id']}"] == "too dear"
        assert "no-such-program" in said[f"failed/{fourth['id']}"]
        assert (await hive.operator("destroy", name="worker"))["ok"]
        assert (await hive.operator("revive", name="worker"))["ok"]
        fifth = await pending(hive)
        assert fifth["fetched_sha"] == good
        assert (await hive.operator("approve", id=fifth["id"]))["ok"]
        assert (await hive.row("worker"))["deployed_sha"] == good[:12]
        assert (await hive.operator("destroy", name="worker", purge=True))["ok"]
        assert not (hive.paths.agents / "worker").exists()
        assert not (hive.paths.all_applied / "worker").exists()
        log = deploy_log(hive)
        deploys = [line for line in log if line.startswith("deploy worker ")]
        assert deploys[0] == f"deploy worker deployed/{third['id']} {good[:12]}"
        assert deploys[-1] == f"deploy worker deployed/{fifth['id']} {good[:12]}"
        assert log[-1] == "sync: drop worker"
