"""Stand-ins for the programs of a NixOS host, of systemd, of Nix, and nsenter.

They share one directory (`NIXOS_ROOT`) as the real ones share a kernel, and play what the units of
NixOS containers do: drop-ins count once they are loaded, a unit that ended well is forgotten with
its exit status, what fails comes back by itself unless it is told not to, five times, and the start
script splits its flags without any quoting. There are no namespaces: the container's init finds
where its /etc/hive comes from in its environment.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(os.environ.get("NIXOS_ROOT", "/"))
UNITS = ROOT / "units"
BURST, BURST_S = 5, 10.0
RESTART_S = 0.1
STOP_S = 90.0
READY_S = 0.06
POLL_S = 0.004
DOWN = ("inactive", "failed")
CANNOT_RUN = (126, 127)
USERS = "--private-users="
UNKNOWN = os.environ.get("NIXOS_UNKNOWN", "")
"""What this host's start script passes over: a key of the `.conf`, or a flag."""
KNOWN = ("--inaccessible", "--private-users", "--private-users-ownership", "--rlimit")


def die(message: str, status: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(status)


class Unit:
    """One unit, as it stands on disk between two programs."""

    def __init__(self, word: str) -> None:
        found = re.fullmatch(r"container@([^.]+)(\.service)?", word)
        if found is None:
            die(f"Failed to get unit: Unit {word} not found.", 5)
        self.container = found.group(1)
        self.name = f"container@{self.container}.service"
        self.folder = UNITS / self.container
        self.folder.mkdir(parents=True, exist_ok=True)
        self.loaded = self.folder / "loaded"
        self.journal = self.folder / "journal"

    @contextmanager
    def locked(self) -> Iterator[dict[str, Any]]:
        """Hold the unit; what the state is changed to is kept."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.state()
            yield state
            new = self.folder / "state.new"
            new.write_text(json.dumps(state))
            new.replace(self.folder / "state")

    def state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.folder / "state").read_text())
        except FileNotFoundError:
            state = {"ActiveState": "inactive", "SubState": "dead", "Result": "success"}
        return state

    def drop_in(self) -> str:
        """What stands on disk, which systemd need not have read."""
        folder = ROOT / f"run/systemd/system/{self.name}.d"
        return "".join(file.read_text() for file in sorted(folder.glob("*.conf")))

    def settings(self) -> dict[str, list[str]]:
        """What systemd has read: values by key, an empty one takes back those before it."""
        if not self.loaded.exists():
            self.loaded.write_text(self.drop_in())
        found: dict[str, list[str]] = {"Restart": ["on-failure"], "RestartForceExitStatus": ["133"]}
        for line in self.loaded.read_text().splitlines():
            if "=" in line:
                key, value = line.split("=", 1)
                found[key] = [*found.get(key, []), value] if value else []
        return found

    def environment(self) -> dict[str, str]:
        """The EnvironmentFile: quotes are taken off."""
        try:
            lines = (ROOT / f"etc/nixos-containers/{self.container}.conf").read_text().splitlines()
        except FileNotFoundError:
            return {}
        pairs = (line.split("=", 1) for line in lines if "=" in line)
        return {key: value.removeprefix('"').removesuffix('"') for key, value in pairs}

    def say(self, text: str) -> None:
        with self.journal.open("a") as file:
            file.write(f"{time.time():.6f} {text}\n")


# --- systemctl


def systemctl(words: list[str]) -> None:
    options = [word for word in words if word.startswith("-") and word != "--"]
    plain = [word for word in words if not word.startswith("-")]
    if "--version" in options:
        print(os.environ.get("NIXOS_SYSTEMD", "systemd 257 (257.9)"))
        return
    verb, names = plain[0], plain[1:]
    if verb == "daemon-reload":
        for loaded in UNITS.glob("*/loaded"):
            loaded.write_text(Unit(f"container@{loaded.parent.name}").drop_in())
    elif verb == "show":
        print("\n".join(shown(Unit(name), options) for name in names), end="")
    else:
        for name in names:
            {"start": start, "stop": stop, "kill": kill, "reload": reload, "reset-failed": reset}[
                verb
            ](Unit(name))


def shown(unit: Unit, options: list[str]) -> str:
    unit.settings()
    state = {
        "Id": unit.name,
        "MainPID": "0",
        **unit.state(),
        "NeedDaemonReload": "yes" if unit.loaded.read_text() != unit.drop_in() else "no",
    }
    for option in options:
        if option.startswith("--property="):
            wanted = option.removeprefix("--property=").split(",")
            state = {key: state[key] for key in wanted if key in state}
    return "".join(f"{key}={value}\n" for key, value in state.items())


def start(unit: Unit) -> None:
    with unit.locked() as state:
        if state["ActiveState"] not in DOWN:
            return
        recent = [at for at in state.get("starts", []) if time.time() - at < BURST_S]
        if len(recent) >= BURST and unit.settings().get("StartLimitIntervalSec") != ["0"]:
            state.update(ActiveState="failed", Result="start-limit-hit")
            state["starts"] = recent
        else:
            state.update(ActiveState="activating", SubState="start", Result="success")
            state["starts"] = [*recent, time.time()]
    if unit.state()["Result"] == "start-limit-hit":
        die(f"Job for {unit.name} failed: Start request repeated too quickly.")
    subprocess.Popen(
        [sys.executable, "-S", "-E", __file__, "manager", unit.container],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(unit.folder / "trouble").open("ab"),
    )
    while unit.state()["ActiveState"] == "activating":
        time.sleep(POLL_S)
    if unit.state().get("failed_start"):
        die(
            f"Job for {unit.name} failed because the control process exited with error code.\n"
            f'See "systemctl status {unit.name}" and "journalctl -xeu {unit.name}" for details.'
        )


def stop(unit: Unit) -> None:
    with unit.locked() as state:
        if state["ActiveState"] in DOWN and not state.get("restarts_at"):
            return
        state["restarts_at"] = None
        if state["ActiveState"] in {"active", "activating"}:
            state.update(ActiveState="deactivating", SubState="stop-sigterm")
    signal_to(unit.state().get("MainPID"), signal.SIGTERM)
    late = time.time() + STOP_S
    while unit.state()["ActiveState"] not in DOWN:
        time.sleep(POLL_S)
        if time.time() > late:
            kill(unit)


def kill(unit: Unit) -> None:
    state = unit.state()
    if state["ActiveState"] in DOWN:
        die(f"Failed to kill unit {unit.name}: No main or control process to kill")
    if state.get("Manager"):
        for pid in below(int(state["Manager"])):
            signal_to(pid, signal.SIGKILL)


def reload(unit: Unit) -> None:
    if unit.state()["ActiveState"] != "active":
        die(f"Job for {unit.name} failed: Unit is not active.")
    unit.say("reloaded")


def reset(unit: Unit) -> None:
    with unit.locked() as state:
        state["starts"] = []
        if state["ActiveState"] == "failed":
            state["ActiveState"] = "inactive"


def signal_to(pid: object, number: int) -> None:
    try:
        # systemd says 0 where there is no process, which to `kill` is whoever asks.
        if int(str(pid or 0)) > 0:
            os.kill(int(str(pid)), number)
    except ProcessLookupError:
        return


def below(pid: int) -> list[int]:
    """Every process below one: a unit's cgroup."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        children = parents.get(queue.pop(), [])
        found += children
        queue += children
    return found


# --- a unit's life: `manager` is systemd over one unit, `nspawn` is its main process


def manager(container: str) -> None:
    unit = Unit(f"container@{container}")
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: as a cgroup, nothing gets away
    while True:
        restarts = run_once(unit)
        if not restarts:
            return
        time.sleep(RESTART_S)
        with unit.locked() as state:
            if not state.get("restarts_at"):
                state.update(ActiveState="inactive", SubState="dead")
                return
            state.update(ActiveState="activating", SubState="start", restarts_at=None)


def run_once(unit: Unit) -> bool:
    """Play one run; whether systemd starts it again by itself."""
    process = subprocess.Popen(
        [sys.executable, "-S", "-E", __file__, "nspawn", unit.container],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with unit.locked() as state:
        is_stopped = state["ActiveState"] == "deactivating"
        state.update(MainPID=str(process.pid), Manager=str(os.getpid()), failed_start=False)
    if is_stopped:
        process.terminate()
    readiness: list[str] = []
    reader = threading.Thread(target=listen, args=(unit, process, readiness))
    reader.start()
    process.wait()
    # What the main process leaves behind holds its output open.
    for pid in below(os.getpid()):
        signal_to(pid, signal.SIGKILL)
    reader.join()
    was_up = bool(readiness)
    return ended(unit, process.returncode, was_up=was_up)


def listen(unit: Unit, process: subprocess.Popen[str], readiness: list[str]) -> None:
    """Keep what the unit prints, and note when it is up."""
    assert process.stdout is not None
    for line in process.stdout:
        text = line.rstrip("\n")
        if not text.startswith("\0READY"):
            unit.say(text)
            continue
        readiness.append(text)
        with unit.locked() as state:
            state["Leader"] = text.split()[1]
            if state["ActiveState"] == "activating":
                state.update(ActiveState="active", SubState="running")


def ended(unit: Unit, code: int, *, was_up: bool) -> bool:
    is_good = code in {0, 133}
    settings = unit.settings()
    words = {"SERVICE_RESULT": "success" if is_good else "exit-code", "EXIT_CODE": "exited"}
    words["EXIT_STATUS"] = str(code)
    if code < 0:
        words["EXIT_CODE"], words["SERVICE_RESULT"] = "killed", "signal"
        words["EXIT_STATUS"] = signal.Signals(-code).name.removeprefix("SIG")
    for command in settings.get("ExecStopPost", []):
        subprocess.run(command.removeprefix("-").split(), env={**os.environ, **words})
    with unit.locked() as state:
        was_asked = state["ActiveState"] == "deactivating"
        forced = str(code) in settings.get("RestartForceExitStatus", [])
        wanted = settings["Restart"][-1:] == ["on-failure"] and not is_good
        restarts = was_up and (wanted or forced) and not was_asked
        starts = [at for at in state.get("starts", []) if time.time() - at < BURST_S]
        if restarts and len(starts) >= BURST:
            restarts = False
        state.update(
            ActiveState="activating" if restarts else "inactive" if is_good else "failed",
            SubState="auto-restart" if restarts else "dead" if is_good else "failed",
            Result=words["SERVICE_RESULT"],
            MainPID="0",
            Manager=None,
            Leader=None,
            failed_start=not was_up and not was_asked,
            restarts_at=time.time() if restarts else None,
            starts=[*starts, time.time()] if restarts else starts,
        )
        if state["ActiveState"] == "inactive":
            unit.loaded.unlink(missing_ok=True)
    return restarts


def nspawn(container: str) -> None:
    """The start script and nspawn in one: reads its flags, runs the init, ends as it ends."""
    unit = Unit(f"container@{container}")
    environment = unit.environment()
    if "_" in container:
        die(f"Invalid machine name: {container}")
    profile = ROOT / f"nix/var/nix/profiles/per-container/{container}/system"
    if environment.get("FLAKE") and not profile.is_symlink():
        # The start script builds what has a flake and no system yet.
        subprocess.run(["nixos-container", "update", container], cwd=unit.folder)
    if not profile.is_symlink():
        die(f"{profile} does not exist")
    flags = environment.get("EXTRA_NSPAWN_FLAGS", "").split()
    if UNKNOWN and UNKNOWN in environment:
        environment[UNKNOWN] = ""
    elif UNKNOWN:
        flags = [flag for flag in flags if not flag.startswith(UNKNOWN)]
    binds = binds_of(flags)
    (unit.folder / "seen").write_text(json.dumps({"environment": environment, "binds": binds}))
    init = subprocess.Popen(
        [str(profile / "init")],
        env={"ETC_HIVE": binds.get("/etc/hive", "/nonexistent")},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    was_asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        was_asked.append(number)
        # SIGRTMIN+3 to an init, which then asks its units.
        os.killpg(init.pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, ask)
    with suppress(subprocess.TimeoutExpired):
        init.wait(READY_S)
    if init.returncode in CANNOT_RUN:
        raise SystemExit(init.returncode)
    show_namespaces(init.pid, environment, flags)
    print(f"\0READY {init.pid}", flush=True)
    code = init.wait()
    # Who came in by nsenter is in no unit of the container, and none ends it.
    while any(Path(f"/proc/{each.name}").exists() for each in (unit.folder / "in").glob("*")):
        time.sleep(POLL_S)
    raise SystemExit(0 if was_asked else code if code >= 0 else 1)


def show_namespaces(pid: int, environment: dict[str, str], flags: list[str]) -> None:
    """Say in a /proc of the host's own which users and which network a container would have."""
    users = [flag.partition("=")[2].split(":") for flag in flags if flag.startswith(USERS)]
    first, count = users[-1] if users else ("0", "4294967295")
    is_own = environment.get("PRIVATE_NETWORK") == "1"
    for process in ("self", str(pid)):
        (ROOT / "proc" / process / "ns").mkdir(parents=True, exist_ok=True)
    for name in ("uid_map", "gid_map"):
        (ROOT / "proc" / str(pid) / name).write_text(f"{0:10} {first:>10} {count:>10}\n")
    of_host, of_container = (ROOT / "proc" / each / "ns/net" for each in ("self", str(pid)))
    of_host.touch()
    of_container.unlink(missing_ok=True)
    if is_own:
        of_container.touch()
    else:
        of_container.hardlink_to(of_host)


def binds_of(flags: list[str]) -> dict[str, str]:
    found = {}
    for flag in flags:
        option, _, value = flag.partition("=")
        if option in {"--bind", "--bind-ro"}:
            source, _, target = value.partition(":")
            if not Path(source).exists():
                die(f"Failed to stat {source}: No such file or directory")
            found[target or source] = source
        elif option not in KNOWN and flag not in {"--quiet", "--settings=no"}:
            die(f"systemd-nspawn: unrecognized option '{flag}'")
    return found


# --- the others


def machinectl(words: list[str]) -> None:
    name = next(word for word in words[1:] if not word.startswith("-"))
    state = Unit(f"container@{name}").state() if (UNITS / name).exists() else {}
    if not state.get("Leader"):
        die(f"Could not get path to machine: No machine '{name}' known")
    if words[0] == "terminate":
        signal_to(state["MainPID"], signal.SIGTERM)
    elif words[0] == "show":
        print(state["Leader"] if "--value" in words else f"Leader={state['Leader']}")


def nsenter(words: list[str]) -> NoReturn:
    leader = words[words.index("-t") + 1]
    for state in UNITS.glob("*/state"):
        if json.loads(state.read_text()).get("Leader") == leader:
            (state.parent / "in").mkdir(exist_ok=True)
            (state.parent / "in" / str(os.getpid())).touch()
    os.execv("/bin/sh", ["sh", *words[words.index("-l") + 1 :]])


def journalctl(words: list[str]) -> None:
    if "-M" in words or "-D" in words:
        return  # nothing in these containers keeps a journal
    count = int(words[words.index("-n") + 1])
    since = float(words[words.index("--since") + 1].removeprefix("@"))
    name = next(word for word in words if word.startswith("_SYSTEMD_UNIT=")).partition("=")[2]
    journal = Unit(name).journal
    lines = journal.read_text().splitlines() if journal.exists() else []
    pairs = [line.split(" ", 1) for line in lines]
    found = [text for at, text in pairs if float(at) >= since]
    # With a time to begin at, the first lines after it: only in reverse they are the newest.
    shown = found[::-1][:count] if "-r" in words else found[:count]
    print("".join(json.dumps({"MESSAGE": text}) + "\n" for text in shown), end="")


def nix(words: list[str]) -> None:
    what = words[words.index("--") + 1]
    flake = Path(what.partition("#")[0])
    print(f"building '{what}'...", file=sys.stderr)
    if not flake.is_dir() or (flake / "broken").exists():
        die(f"error: builder for '{what}' failed with exit code 1")
    digest = hashlib.sha256(what.encode() + b"".join(contents(flake))).hexdigest()[:32]
    path = make_system(ROOT / "nix/store" / f"{digest}-nixos-system")
    if "-o" in words:
        link = Path(words[words.index("-o") + 1])
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        meet(int(os.environ.get("NIX_TOGETHER", "1")))
    if "--json" in words:
        print(json.dumps([{"drvPath": f"{path}.drv", "outputs": {"out": str(path)}}]))


def meet(count: int) -> None:
    """Wait until so many builds have made their link."""
    place = ROOT / "together"
    place.mkdir(exist_ok=True)
    (place / str(os.getpid())).touch()
    while len(list(place.iterdir())) < count:
        time.sleep(POLL_S)


def contents(flake: Path) -> Iterator[bytes]:
    for file in sorted(flake.iterdir()):
        if file.is_file():
            yield file.read_bytes()


def make_system(path: Path) -> Path:
    """Make a system whose init runs what is bound at /etc/hive."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "init").write_text('#!/bin/sh\nexec "$ETC_HIVE/run"\n')
    (path / "init").chmod(0o755)
    return path


def nix_env(words: list[str]) -> None:
    profile = Path(words[words.index("-p") + 1])
    path = words[words.index("--set") + 1]
    if not Path(path).exists():
        die(f"error: path '{path}' is not valid")
    if not profile.parent.is_dir():
        die(f"error: creating symlink '{profile}': No such file or directory")
    number = len(list(profile.parent.glob("system-*-link"))) + 1
    generation = profile.with_name(f"system-{number}-link")
    generation.symlink_to(path)
    new = profile.with_name("system.new")
    new.symlink_to(generation.name)
    new.replace(profile)


def main() -> None:
    program, words = sys.argv[1], sys.argv[2:]
    if program in {"manager", "nspawn"}:
        {"manager": manager, "nspawn": nspawn}[program](words[0])
    else:
        programs = {"systemctl": systemctl, "machinectl": machinectl, "journalctl": journalctl}
        {**programs, "nix": nix, "nix-env": nix_env, "nsenter": nsenter}[program](words)


if __name__ == "__main__":
    main()
