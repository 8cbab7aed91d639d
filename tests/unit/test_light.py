"""What `light` repeats of other rooms is the same there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hive import cli, errors, light, paths
from hive.wire import names


def test_exit_statuses_are_those_of_the_errors() -> None:
    for code, kind in errors.BY_CODE.items():
        assert light.Failure(code, "").exit_status == kind.exit_status, code


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"HOME": "/home/x"},
        {"HOME": "", "XDG_STATE_HOME": "/s"},
        {"HOME": "/home/x", "XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/run/user/7"},
        {"HOME": "/home/x", "XDG_RUNTIME_DIR": ""},
    ],
)
def test_the_socket_is_where_the_daemon_puts_it(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HIVE_SOCKET"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(light.os.path, "exists", lambda _: False)
    assert light.operator_socket() == str(paths.paths_for(None, system=False).host_socket)


def test_the_system_wide_hive_is_found_where_it_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = str(paths.paths_for(None, system=True).host_socket)
    monkeypatch.delenv("HIVE_SOCKET", raising=False)
    # Of one that this user may not look into no more is seen than its directory.
    seen = [str(Path(system).parent)]
    monkeypatch.setattr(light.os.path, "exists", lambda path: path in seen)
    assert light.operator_socket() == system
    seen.append(str(paths.paths_for(None, system=False).host_socket))
    assert light.operator_socket() == seen[-1]


def test_a_service_that_does_not_run_is_started_as_one() -> None:
    absent = FileNotFoundError(2, "No such file or directory")
    assert "'systemctl start hyperhive'" in str(light.no_reply(light.SYSTEM_SOCKET, absent, 1))
    assert "'hive.pyz up'" in str(light.no_reply("/r/run/host.sock", absent, 1))


def test_a_root_and_a_socket_on_the_command_line_come_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HIVE_SOCKET", "/of/the/environment")
    below = paths.paths_for(Path("/r"), system=False).host_socket
    assert light.operator_socket(root="/r") == str(below)
    assert light.operator_socket(socket=Path("/named"), root="/r") == "/named"
    assert light.operator_socket() == "/of/the/environment"
    monkeypatch.chdir(tmp_path)
    assert light.operator_socket(root="here") == str(tmp_path / "here/run/host.sock")


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["list", "--help"],
        ["list", "x"],
        ["list", "--socket"],
        ["--json", "list"],
        ["--version", "x"],
        ["up"],
    ],
)
def test_what_is_not_light_is_left_to_the_full_command_line(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert light.main(argv, "1") is None
    assert capsys.readouterr() == ("", "")


def test_the_table_shows_state_and_marks() -> None:
    rows = [
        {"name": names.MANAGER, "running": True, "needs_update": True, "active_model": "opus"},
        {"name": "a1", "failed": True, "status_text": "building"},
        {"name": "a2", "running": True, "status_text": "reading", "note": "it ended with 3"},
    ]
    assert light.agent_table({"agent_statuses": rows}) == [
        "manager    running, needs update opus",
        "a1         failed              building",
        "a2         running             it ended with 3",
    ]


def test_a_failure_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert light.tell(light.Failure("not_found", "its last words: \x1b]0;title\x07\u202egone")) == 5
    assert capsys.readouterr().err == "hive: its last words: \\x1b]0;title\\x07\\u202egone\n"


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        (
            ["pending"],
            {
                "approvals": [
                    {
                        "id": 1,
                        "status": "pending",
                        "kind": "spawn",
                        "agent": "eve",
                        "requested_at": "2026",
                        "description": "\x1b[2J",
                    }
                ]
            },
        ),
        (
            ["inbox"],
            {
                "inbox": [
                    {
                        "id": 1,
                        "from": "x\x1b[2J",
                        "sent_at": 0,
                        "acked_at": None,
                        "body": "a\x1b[2J\x9b2J\rb",
                    }
                ]
            },
        ),
        (["logs", "eve"], {"logs": ["a\x1b[2Jb"]}),
        (["token", "--list"], {"tokens": ["\x1b[2J"]}),
    ],
)
def test_what_others_wrote_steers_no_terminal(
    words: list[str],
    reply: dict[str, object],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(light, "call", lambda *_, **__: {"ok": True, **reply})
    assert cli.main(words) == 0
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", capsys.readouterr().out)
