"""A program that behaves as nixos-container does, its traps included; on its own, by any Python 3.

It runs the host's systemctl, machinectl, nix, nix-env and nsenter, which may be stand-ins too
(`host_programs.py`). `NIXOS_ROOT` is put in front of every path it owns, `NIXOS_PROG` is the name
it was called by. Its exit statuses are as odd as the real ones; only zero or not means anything.
"""

from __future__ import annotations

import fcntl
import getopt
import os
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = os.environ.get("NIXOS_ROOT", "")
PROG = os.environ.get("NIXOS_PROG", sys.argv[0])
CONFS = Path(f"{ROOT}/etc/nixos-containers")
ROOTS = Path(f"{ROOT}/var/lib/nixos-containers")
PROFILES = Path(f"{ROOT}/nix/var/nix/profiles/per-container")
GC_ROOTS = Path(f"{ROOT}/nix/var/nix/gcroots/per-container")
LOCK = Path(f"{ROOT}/run/lock/nixos-container")

WITH_VALUE = [
    "nixos-path=",
    "system-path=",
    "config=",
    "config-file=",
    "flake=",
    "bridge=",
    "port=",
    "host-address=",
    "local-address=",
    "signal=",
    "log-format=",
    "update-input=",
]
PLAIN = [
    "ensure-unique-name",
    "auto-start",
    "help",
    "impure",
    "commit-lock-file",
    "no-registries",
    "no-update-lock-file",
    "no-write-lock-file",
    "no-allow-dirty",
    "recreate-lock-file",
]
PASSED_ON = [
    "log-format",
    "impure",
    "update-input",
    "commit-lock-file",
    "no-registries",
    "no-update-lock-file",
    "no-write-lock-file",
    "no-allow-dirty",
    "recreate-lock-file",
]
PAIRS = ("--option", "--override-input")


def quote(text: str | None) -> str:
    """Return the text in the typographic quotes of the real program."""
    return f"\N{LEFT SINGLE QUOTATION MARK}{text}\N{RIGHT SINGLE QUOTATION MARK}"


def die(message: str, status: int) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(status)


def die_as_program(message: str, status: int) -> NoReturn:
    die(f"{PROG}: {message}", status)


class Call:
    """What was asked for on the command line."""

    def __init__(self, argv: list[str]) -> None:
        pairs, rest, argv = [], [], list(argv)
        if "--" in argv:
            cut = argv.index("--")
            argv, rest = argv[:cut], argv[cut + 1 :]
        for option in PAIRS:
            while option in argv:
                at = argv.index(option)
                pairs += argv[at : at + 3]
                del argv[at : at + 3]
        try:
            found, words = getopt.gnu_getopt(argv, "", [*WITH_VALUE, *PLAIN])
        except getopt.GetoptError as error:
            die(f"Unknown option: {error.opt}", 1)
        self.options = {key.removeprefix("--"): value for key, value in found}
        self.action = words[0] if words else None
        self.name = words[1] if len(words) > 1 else None
        self.rest = [*words[2:], *rest]
        self.flags = []
        for key in PASSED_ON:
            if key in self.options:
                self.flags += [f"--{key}", *filter(None, [self.options[key]])]
        self.flags += pairs


def conf_of(name: str) -> Path:
    return CONFS / f"{name}.conf"


def profile_of(name: str) -> Path:
    return PROFILES / name / "system"


def run(*words: str) -> int:
    return subprocess.run(words).returncode


def said(*words: str) -> str | None:
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    return done.stdout if done.returncode == 0 else None


def values(name: str) -> dict[str, str]:
    lines = conf_of(name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def is_active(name: str) -> bool:
    shown = said("systemctl", "show", f"container@{name}")
    if shown is None:
        die_as_program("failed to get status of container", 1)
    return "ActiveState=active" in shown.splitlines()


def build(call: Call, flake: str, attribute: str) -> str:
    what = f'{flake}#nixosConfigurations."{attribute}".config.system.build.toplevel'
    # The result has one name per working directory, whoever builds there at the time.
    if run("nix", "build", "-o", ".tmp", *call.flags, "--", what) != 0:
        die_as_program(f"failed to build container from flake '{flake}'", 2)
    link = Path(".tmp")
    path = os.fspath(link.readlink())
    link.unlink()
    return path


def split(flake: str) -> tuple[str, str]:
    reference, _, attribute = flake.partition("#")
    return reference, attribute or "container"


def unique(name: str) -> str:
    tried, number = name, 0
    while conf_of(tried).exists():
        tried, number = f"{name}-{number}", number + 1
    return tried


def addresses(call: Call) -> tuple[str, str]:
    host, local = call.options.get("host-address"), call.options.get("local-address")
    if host is not None and local is not None:
        return host, local
    for one, other in ((host, "--host-address"), (local, "--local-address")):
        if one is not None:
            missing = "--local-address" if other == "--host-address" else "--host-address"
            die(f"With {other} set, {missing} is required as well! at {PROG} line 1.", 255)
    used = "".join(conf.read_text() for conf in CONFS.glob("*.conf"))
    for number in range(1, 255):
        if f"10.233.{number}.1" not in used:
            return f"10.233.{number}.1", f"10.233.{number}.2"
    die_as_program("out of IP addresses", 255)


def write_conf(call: Call, name: str) -> None:
    host, local = addresses(call)
    lines = {
        "PRIVATE_NETWORK": "1",
        "HOST_ADDRESS": host,
        "LOCAL_ADDRESS": local,
        "HOST_BRIDGE": call.options.get("bridge", ""),
        "HOST_PORT": call.options.get("port", ""),
        "AUTO_START": "1" if "auto-start" in call.options else "0",
    }
    if "flake" in call.options:
        lines["FLAKE"] = split(call.options["flake"])[0]
    conf_of(name).write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
    print(f"host IP is {host}, container IP is {local}", file=sys.stderr)


def create(call: Call, name: str) -> None:
    if "config" in call.options and "config-file" in call.options:
        die("--config and --config-file are mutually incompatible. Please define one.", 255)
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if "ensure-unique-name" in call.options:
            name = unique(name)
        if conf_of(name).exists():
            die_as_program(f"container {quote(name)} already exists", 25)
        if len(name) > 11:
            die_as_program(f"container name {quote(name)} is too long", 2)
        write_conf(call, name)
    (ROOTS / name).mkdir(exist_ok=True)
    PROFILES.mkdir(mode=0o700, parents=True, exist_ok=True)
    (PROFILES / name).mkdir(mode=0o755, exist_ok=True)
    (GC_ROOTS / name).mkdir(parents=True, exist_ok=True)
    if "flake" in call.options:
        # A failure in here ends the program, and the config file stays behind.
        path = build(call, *split(call.options["flake"]))
        set_first(call, name, ["--set", path])
    elif "system-path" in call.options:
        set_first(call, name, ["--set", call.options["system-path"]])
    else:
        file = write_configuration(call, name)
        set_first(
            call,
            name,
            ["-I", f"nixos-config={file}", "-f", "<nixpkgs/nixos>", "--set", "-A", "system"],
        )
    if "ensure-unique-name" in call.options:
        print(name)


def set_first(call: Call, name: str, words: list[str]) -> None:
    flags = [] if words[0] == "--set" else call.flags
    if run("nix-env", "-p", str(profile_of(name)), *words, *flags) != 0:
        remove(name)
        die_as_program("failed to set initial container configuration", 2)


def write_configuration(call: Call, name: str) -> Path:
    file = ROOTS / name / "etc/nixos/configuration.nix"
    file.parent.mkdir(parents=True, exist_ok=True)
    more = call.options.get("config", "")
    if "config-file" in call.options:
        more = f"imports = [ {call.options['config-file']} ];"
    head = f'boot.isContainer = true; networking.hostName = "{name}"; networking.useDHCP = false;'
    file.write_text(f"{{ config, lib, pkgs, ... }}: {{ {head} {more} }}\n")
    return file


def update(call: Call, name: str) -> None:
    flake = call.options.get("flake")
    # What is remembered is the reference alone: an attribute that was asked for is forgotten.
    reference, attribute = split(flake) if flake else (values(name).get("FLAKE"), "container")
    if reference:
        words = ["--set", build(call, reference, attribute)]
    else:
        file = ROOTS / name / "etc/nixos/configuration.nix"
        words = ["-I", f"nixos-config={file}", "-f", "<nixpkgs/nixos>", "--set", "-A", "system"]
    if run("nix-env", "-p", str(profile_of(name)), *words) != 0:
        die_as_program("failed to update container", 1)
    if is_active(name):
        print("reloading container...", file=sys.stderr)
        if run("systemctl", "reload", f"container@{name}") != 0:
            die_as_program("failed to reload container", 1)


def leader(name: str) -> int:
    shown = said("machinectl", "show", name, "-p", "Leader")
    found = re.search(r"Leader=(\d+)", shown or "")
    if found is None:
        die("unable to get container's main PID", 1)
    return int(found.group(1))


def terminate(name: str) -> None:
    pid = leader(name)
    handle = os.pidfd_open(pid)
    if run("machinectl", "terminate", name) != 0:
        die_as_program("failed to terminate container", 1)
    select.select([handle], [], [])


def remove(name: str) -> None:
    for folder in (PROFILES / name, GC_ROOTS / name, ROOTS / name):
        shutil.rmtree(folder, ignore_errors=True)
    conf_of(name).unlink(missing_ok=True)


def destroy(name: str) -> None:
    if conf_of(name).is_symlink() or not os.access(conf_of(name), os.W_OK):
        die_as_program(
            "cannot destroy declarative container (remove it from your configuration.nix instead)",
            30,
        )
    if is_active(name):
        terminate(name)
    remove(name)


def enter(name: str, words: list[str]) -> NoReturn:
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    inner = ["-c", f"exec {quoted}"] if words else []
    os.execvp(
        "nsenter", ["nsenter", "--all", "-t", str(leader(name)), "--", "su", "root", "-l", *inner]
    )


def start(name: str) -> None:
    if run("systemctl", "start", f"container@{name}") != 0:
        die_as_program("failed to start container", 1)


def stop(name: str) -> None:
    if run("systemctl", "stop", f"container@{name}") != 0:
        die_as_program("failed to stop container", 1)


def show_ip(name: str) -> None:
    found = values(name)
    print((found.get("LOCAL_ADDRESS") or found.get("LOCAL_ADDRESS6", "")).split("/")[0])


def show_host_key(name: str) -> None:
    for kind in ("ed25519", "ecdsa"):
        key = ROOTS / name / f"etc/ssh/ssh_host_{kind}_key.pub"
        if key.exists():
            print(key.read_text(), end="")
            return
    raise SystemExit(1)


def restart(name: str) -> None:
    stop(name)
    start(name)


def login(name: str) -> NoReturn:
    os.execvp("machinectl", ["machinectl", "login", "--", name])


def status(name: str) -> None:
    print("up" if is_active(name) else "down")


SIMPLE = {
    "start": start,
    "stop": stop,
    "restart": restart,
    "status": status,
    "terminate": terminate,
    "destroy": destroy,
    "login": login,
    "show-ip": show_ip,
    "show-host-key": show_host_key,
}


def on_existing(call: Call, name: str) -> None:
    if call.action == "update":
        update(call, name)
    elif call.action == "run":
        enter(name, call.rest)
    elif call.action == "root-login":
        enter(name, [])
    elif call.action in SIMPLE:
        SIMPLE[call.action](name)
    else:
        die_as_program(f"unknown action {quote(call.action)}", 255)


def main() -> None:
    os.umask(0o022)
    os.environ["NIXOS_CONFIG"] = ""
    call = Call(sys.argv[1:])
    if "help" in call.options:
        print("Usage: nixos-container ACTION NAME [OPTION]...")
        return
    CONFS.mkdir(parents=True, exist_ok=True)
    ROOTS.mkdir(mode=0o700, parents=True, exist_ok=True)
    if call.action is None:
        die_as_program("no action specified", 255)
    if call.action == "list":
        print("".join(f"{conf.stem}\n" for conf in sorted(CONFS.glob("*.conf"))), end="")
        return
    if call.name is None:
        die_as_program("no container name specified", 255)
    if not re.fullmatch(r"[a-zA-Z0-9_-]+", call.name):
        die_as_program("invalid container name", 255)
    if call.action == "create":
        create(call, call.name)
    elif conf_of(call.name).exists():
        on_existing(call, call.name)
    elif call.action != "destroy":
        if call.action == "status":
            print("gone", flush=True)
        die_as_program(f"container {quote(call.name)} does not exist", 2)


if __name__ == "__main__":
    main()
