"""Write what is made from nix/: docs/nixos-options.md and the unit of `hive.pyz unit`; or check it.

Needs nix-instantiate. `--check` prints what is stale and writes nothing; without Nix it is silent.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ROOT / "docs/nixos-options.md"
UNIT = ROOT / "hive/host/hyperhive.service"
HEAD = """# Options of NixOS

`./build.sh format` makes this from the modules in `nix/`, where there is a Nix.
How they are used says [install-nixos.md](install-nixos.md), and [config.md](config.md) more of each
setting.
"""
SECTIONS = (
    ("host", "The host", "`services.hive`, of `nixosModules.default` of hive's flake."),
    (
        "agent",
        "An agent's container",
        "`hive`, in the agent.nix of an agent. Its model, limits, servers, network, icon and links"
        " are in its [agent.toml](agent-config.md).",
    ),
)
"""The part of `nix/checks/eval.nix`, its heading, and what it is."""


def main(argv: list[str]) -> int:
    """Write them; with `--check` return 1 when one on disk is stale."""
    if shutil.which("nix-instantiate") is None:
        return 0
    status = 0
    for target, text in ((OPTIONS, options_page()), (UNIT, str(evaluated("elsewhere")))):
        if argv != ["--check"]:
            target.write_text(text, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            print(f"{target.relative_to(ROOT)} is stale: run ./build.sh format")
            status = 1
    return status


def options_page() -> str:
    """Return the page of options."""
    found = evaluated("options")
    assert isinstance(found, dict)
    parts = [HEAD]
    for part, heading, what in SECTIONS:
        parts.append(f"\n## {heading}\n\n{what}\n\n| option | type | default | meaning |\n")
        parts.append("| --- | --- | --- | --- |\n")
        parts += [_row(option) for option in found[part]]
    return "".join(parts)


def evaluated(part: str) -> object:
    """Return a part of what hive's modules make, from an evaluator that keeps nothing."""
    program = shutil.which("nix-instantiate")
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="hive-nix") as folder:
        names = ("STORE", "STATE", "LOG", "CONF")
        places = {f"NIX_{name}_DIR": f"{folder}/{name.lower()}" for name in names}
        done = subprocess.run(
            [
                program,
                "--eval",
                "--strict",
                "--json",
                "-A",
                part,
                str(ROOT / "nix/checks/eval.nix"),
            ],
            env={"PATH": "", "HOME": folder, "NIX_CONFIG": "build-users-group =", **places},
            check=True,
            capture_output=True,
            text=True,
        )
    found: object = json.loads(done.stdout)
    return found


def _row(option: dict[str, Any]) -> str:
    default, example = option["default"], option["example"]
    meaning = " ".join(option["description"].split())
    if example is not None and example != "true":
        meaning += f" For example `{example}`."
    cells = (
        f"`{option['name']}`",
        option["type"],
        "" if default is None else f"`{default}`",
        meaning,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
