"""`services.hive` makes of a configuration what hive needs, and refuses what contradicts itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hive import config, config_checks
from hive.host import service_unit
from hive.host.flake_text import literal
from tests.fakes.nix_eval import NIX_INSTANTIATE, Evaluator
from tests.fakes.nix_world import ROOT
from tests.fakes.nixos import booted

FLAKE = 'settings.hive_flake = "github:example/hive";'
NIX_FILES = [ROOT / "flake.nix", *sorted((ROOT / "nix").rglob("*.nix"))]


def host(nix: Evaluator, text: str = "") -> Any:
    return nix.made_of("host", f"host.services.hive = {{ enable = true; {FLAKE} {text} }};")


def refusals(nix: Evaluator, text: str) -> list[str]:
    made = nix.made_of("host", f"host = {{ services.hive.enable = true; {text} }};")
    failed: list[str] = made["failed"]
    return failed


def settings_file(made: Any, folder: Path) -> config.HostConfig:
    file = folder / "config.json"
    file.write_text(made["etc"]["hyperhive/config.json"]["text"])
    loaded = config.load_host_config(file)
    config_checks.check_host_config(loaded)
    return loaded


def test_nothing_accepts_an_unfree_licence_by_itself() -> None:
    for file in NIX_FILES:
        code = [line.partition("#")[0] for line in file.read_text().splitlines()]
        assert not any("allowUnfree" in line and "=" in line for line in code), file


if NIX_INSTANTIATE:

    def test_the_script_finds_where_nixpkgs_says_otherwise(nix: Evaluator, tmp_path: Path) -> None:
        lib = tmp_path / "nixpkgs/lib"
        lib.mkdir(parents=True)
        (lib / "default.nix").write_text(f"import {ROOT}/nix/checks/lib.nix\n")
        argv = [ROOT / "nix/checks/eval.sh", tmp_path / "nixpkgs"]
        done = subprocess.run(argv, env=nix.env, capture_output=True, text=True)
        assert (done.returncode, "nixpkgs says the same" in done.stderr) == (0, True)
        made = json.loads(done.stdout)
        assert made["host"]["failed"] == made["agent"]["failed"] == made["host"]["warnings"] == []
        other = f"(import {ROOT}/nix/checks/lib.nix) // {{ concatStringsSep = _: _: ''x''; }}\n"
        (lib / "default.nix").write_text(other)
        done = subprocess.run(argv, env=nix.env, capture_output=True, text=True)
        assert (done.returncode, "nixpkgs says otherwise" in done.stderr) == (1, True)

    def test_the_daemon_takes_the_file_that_the_module_writes(
        nix: Evaluator, tmp_path: Path
    ) -> None:
        loaded = settings_file(host(nix), tmp_path)
        assert (loaded.containers, loaded.operator_group) == ("nixos", "hive")
        assert loaded.forge_url == "http://127.0.0.1:3000"
        assert loaded.claude is None

    def test_what_is_set_reaches_the_daemon_letter_by_letter(
        nix: Evaluator, tmp_path: Path
    ) -> None:
        odd = {"A": 'a "quoted" ${word}', "B": "two\nlines\ttab \\ and ''", "C": "ümläut $$"}
        text = f"settings.claude_env = {literal(odd)}; settings.park_s = 0.5;"
        loaded = settings_file(host(nix, text), tmp_path)
        assert loaded.claude_env == odd
        assert loaded.park_s == 0.5

    def test_a_limit_may_be_lifted(nix: Evaluator, tmp_path: Path) -> None:
        loaded = settings_file(host(nix, "settings.limits.memory_mib = null;"), tmp_path)
        assert loaded.limits.memory_mib is None
        assert loaded.limits.tasks == config.HostConfig().limits.tasks

    def test_a_setting_of_a_newer_daemon_is_passed_on(nix: Evaluator) -> None:
        made = host(nix, "settings.not_yet_known = { a = [ 1 ]; };")
        assert json.loads(made["etc"]["hyperhive/config.json"]["text"])["not_yet_known"] == {
            "a": [1]
        }

    def test_a_value_of_another_type_is_refused_by_its_name(nix: Evaluator) -> None:
        said = nix.failure("host.settings", 'host.services.hive.settings.port = "7000";')
        assert "services.hive.settings.port' is not of type `16 bit unsigned integer" in said

    def test_the_firewall_stays_closed_until_it_is_opened(nix: Evaluator) -> None:
        assert host(nix)["allowedTCPPorts"] == []
        text = 'settings.host = "10.0.0.2"; settings.tls_in_front = true; openFirewall = true;'
        assert host(nix, text)["allowedTCPPorts"] == [7000]

    def test_secrets_are_credentials_of_the_unit_and_in_no_file(
        nix: Evaluator, tmp_path: Path
    ) -> None:
        made = host(nix, 'secrets.ANTHROPIC_API_KEY = "/run/keys/api";')
        service = made["services"]["hyperhive"]["serviceConfig"]
        assert service["LoadCredential"] == ["ANTHROPIC_API_KEY:/run/keys/api"]
        assert settings_file(made, tmp_path).claude_secret_files == {
            "ANTHROPIC_API_KEY": "/run/credentials/hyperhive.service/ANTHROPIC_API_KEY"
        }

    def test_claude_is_taken_when_it_is_named_and_missed_aloud_when_not(nix: Evaluator) -> None:
        (warning,) = host(nix)["warnings"]
        assert "to accept its licence is your decision" in warning
        named = host(nix, "claudePackage = (import ./nix/checks/packages.nix).claude-code;")
        assert named["warnings"] == []
        assert named["settings"]["claude"].endswith("-claude-code/bin/claude")

    def test_containers_outlive_the_daemon_and_their_sockets_too(nix: Evaluator) -> None:
        service = host(nix)["services"]["hyperhive"]["serviceConfig"]
        assert service["KillMode"] == "process"
        assert service["RuntimeDirectoryPreserve"] is True
        assert (service["Type"], service["Restart"]) == ("notify", "on-failure")

    def test_the_unit_is_the_one_of_every_other_host_and_what_only_nixos_has(
        nix: Evaluator,
    ) -> None:
        def lines(text: str) -> set[str]:
            return {line for line in text.splitlines() if not line.startswith("ExecStart=")}

        here, elsewhere = lines(host(nix)["unit"]), lines(service_unit.FILE.read_text())
        assert elsewhere < here
        assert here - elsewhere == {
            'Environment="NIX_REMOTE=daemon"',
            *(f"ReadWritePaths={place}" for place in booted.WRITTEN_ON_NIXOS),
        }

    def test_systemd_takes_the_unit_as_nixos_would_write_it(nix: Evaluator, tmp_path: Path) -> None:
        file = tmp_path / "hyperhive.service"
        text = host(nix, 'secrets.ANTHROPIC_API_KEY = "/run/keys/api";')["unit"]
        assert "LoadCredential=ANTHROPIC_API_KEY:/run/keys/api\n" in text
        file.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
        for analyze in filter(None, [shutil.which("systemd-analyze")]):
            done = subprocess.run([analyze, "verify", file], capture_output=True, text=True)
            said = [line for line in done.stderr.splitlines() if "DelegateSubgroup" not in line]
            assert (done.returncode, said) == (0, [])

    def test_the_machine_of_the_checks_is_a_configuration_with_a_script(nix: Evaluator) -> None:
        machine = (
            f"(import {ROOT}/nix/checks/machine.nix {{ module = {{ }};"
            " pkgs.testers.runNixOSTest = test: test; })"
        )
        own = f"(import {ROOT}/nix/checks/lib.nix)"
        free = f"{own}.mkOption {{ type = {own}.types.raw; }}"
        made = nix.made_of(
            "host",
            f"host = {{ imports = [ {machine}.nodes.machine ];"
            f" options.virtualisation.memorySize = {free};"
            f" options.specialisation.changed.configuration = {free}; }};",
        )
        assert made["failed"] == []
        assert made["settings"]["demo"] is True
        compile(nix.value(f"{machine}.testScript"), "testScript", "exec")

    def test_hives_flake_builds_agents_with_itself(nix: Evaluator, tmp_path: Path) -> None:
        flake = '{ source = "/nix/store/x-source"; packages = { }; }'
        module = f"(import {ROOT}/nix/modules/of-flake.nix {flake})"
        text = f"host = {{ imports = [ {module} ]; services.hive.enable = true; }};"
        made = nix.made_of("host", text)
        assert made["failed"] == []
        assert settings_file(made, tmp_path).hive_flake == "path:/nix/store/x-source"

    def test_a_changed_setting_starts_the_daemon_anew(nix: Evaluator) -> None:
        triggers = [
            host(nix, text)["services"]["hyperhive"]["restartTriggers"]
            for text in ("", "", "settings.port = 7001;")
        ]
        assert triggers[0] == triggers[1] != triggers[2]
        # Not away for as long as a switch takes: agents wait for it for a minute.
        assert host(nix)["services"]["hyperhive"]["stopIfChanged"] is False

    def test_operators_are_members_of_the_group_that_opens_the_socket(nix: Evaluator) -> None:
        text = "services.hive.operators = [ ''mara'' ]; users.users.mara.name = ''mara'';"
        made = nix.made_of(
            "host", f"host = {{ services.hive.enable = true; services.hive.{FLAKE} {text} }};"
        )
        assert made["groups"]["hive"]["members"] == ["mara"]
        assert made["settings"]["operator_group"] == "hive"

    def test_nginx_passes_on_what_the_daemon_looks_at(nix: Evaluator) -> None:
        made = host(nix, 'nginx = { enable = true; domain = "hive.example.org"; };')
        assert made["settings"]["tls_in_front"] is True
        assert made["settings"]["allowed_hosts"] == ["hive.example.org"]
        assert made["settings"]["public_url"] == "https://hive.example.org"
        site = made["nginx"]["virtualHosts"]["hive.example.org"]
        assert site["forceSSL"] is True
        passed = site["locations"]["/"]
        assert passed["proxyPass"] == "http://127.0.0.1:7000"
        assert passed["proxyWebsockets"] is True
        # What they set is sent beside what is set here: two of Host are answered by 400.
        assert passed["recommendedProxySettings"] is False
        assert "proxy_set_header Host $host;" in passed["extraConfig"]
        assert "proxy_buffering off;" in passed["extraConfig"]
        assert made["allowedTCPPorts"] == []

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (f'services.hive.{FLAKE} services.hive.settings.host = "0.0.0.0";', "is 0.0.0.0"),
            (f"services.hive.{FLAKE} services.hive.openFirewall = true;", "opens port 7000"),
            ("", "hive_flake is null"),
            (f'services.hive.{FLAKE} services.hive.settings.root = "/srv";', "root is /srv"),
            (
                f'services.hive.{FLAKE} services.hive.secrets.ANTHROPIC_API_KEY = "/nix/store/x";',
                "ANTHROPIC_API_KEY is /nix/store/x: everybody can read the store",
            ),
            (f'services.hive.{FLAKE} services.hive.operators = [ "nobody" ];', "names nobody"),
            (
                f"services.hive.{FLAKE} services.hive.settings.forge_token_file = ./flake.nix;",
                "settings.forge_token_file is ",
            ),
            (
                f"services.hive.{FLAKE} services.hive.settings.claude_secret_files.A ="
                " ''/nix/store/x'';",
                "settings.claude_secret_files.A is /nix/store/x: everybody can read the store",
            ),
            (
                f"services.hive.{FLAKE} services.hive.settings.forge_url = ''https://f.example'';",
                "forge_url is https://f.example, and services.hive.forge runs another",
            ),
            (
                f"services.hive.{FLAKE} services.hive.forge.sshPort = 7000;",
                "are 7000, 3000, 7000: they have to differ",
            ),
            (
                f"services.hive.{FLAKE} services.forgejo = {{ enable = true; }};",
                "services.forgejo listens at port 3000, as services.hive.forge would",
            ),
            (
                f"services.hive.{FLAKE} system.stateVersion = ''21.11'';",
                "system.stateVersion is 21.11",
            ),
            (
                f"services.hive.{FLAKE} services.hive.settings.host = ''::1'';"
                " services.hive.nginx = { enable = true; domain = ''hive.example.org''; };",
                "host is ::1, and services.hive.nginx is in front",
            ),
            (
                f"services.hive.{FLAKE} users.users.mara = {{ name = ''mara'';"
                " subUidRanges = [ { startUid = 1900100000; count = 1; } ]; };",
                "are subordinate users of mara",
            ),
        ],
    )
    def test_a_contradiction_is_refused_with_the_value(
        nix: Evaluator, text: str, words: str
    ) -> None:
        (said,) = refusals(nix, text)
        assert words in said

    def test_another_forge_of_the_host_may_be_beside_it(nix: Evaluator) -> None:
        text = "services.forgejo = { enable = true; settings.server.HTTP_PORT = 3001; };"
        assert refusals(nix, f"services.hive.{FLAKE} {text}") == []
        without = "services.hive.forge.enable = false; services.gitea.enable = true;"
        assert refusals(nix, f"services.hive.{FLAKE} {without}") == []

    def test_the_forge_is_there_unless_it_is_not_wanted(nix: Evaluator) -> None:
        forge = host(nix)["forge"]
        assert forge["isShared"]
        server = forge["services"]["forgejo"]["settings"]["server"]
        assert (server["HTTP_ADDR"], server["HTTP_PORT"]) == ("127.0.0.1", 3000)
        assert forge["services"]["forgejo"]["settings"]["service"]["DISABLE_REGISTRATION"] is True
        assert forge["services"]["forgejo"]["settings"]["federation"]["ENABLED"] is False
        assert not forge["networking"]["firewall"]["enable"]
        # As docs/install-nixos.md calls it in there.
        assert [Path(each).name for each in forge["environment"]["systemPackages"]] == [
            "00000000000000000000000000000000-forgejo"
        ]
        without = host(nix, "forge.enable = false;")
        assert "forge" not in without
        assert without["settings"]["forge_url"] is None

    def test_a_newer_theme_comes_to_a_forge_that_had_one(nix: Evaluator, tmp_path: Path) -> None:
        forge = host(nix)["forge"]
        theme = forge["services"]["forgejo"]["settings"]["ui"]["DEFAULT_THEME"]
        source = ROOT / "nix/forge-theme" / f"theme-{theme}.css"
        assert source.exists()
        rules = [line.split() for line in forge["systemd"]["tmpfiles"]["rules"]]
        (target,) = {line[1] for line in rules if line[1].endswith(f"/{source.name}")}
        (copied,) = [line[-1] for line in rules if line[0] == "C"]
        assert Path(copied).name == source.name
        place = tmp_path / target.lstrip("/")
        place.parent.mkdir(parents=True)
        place.write_text("an older one")
        # As the container's system does it at each start and switch; without its users.
        text = "".join(f"{line[0]} {tmp_path}{target}\n" for line in rules if line[0] == "r")
        text += f"C {tmp_path}{target} 0640 - - - {source}\n"
        (tmp_path / "rules.conf").write_text(text)
        for program in filter(None, [shutil.which("systemd-tmpfiles")]):
            argv = [program, "--create", "--remove", str(tmp_path / "rules.conf")]
            subprocess.run(argv, check=True, capture_output=True)
            assert place.read_text() == source.read_text()

    def test_the_forges_token_is_asked_for_by_a_unit_that_nothing_needs(nix: Evaluator) -> None:
        made = host(nix)
        unit = made["services"]["hyperhive-forge-token"]
        # No oneshot: a switch would wait for it.
        assert set(unit["serviceConfig"]) == {"UMask"}
        assert unit["wantedBy"] == ["multi-user.target"]
        assert made["settings"]["forge_token_file"] in unit["unitConfig"]["ConditionPathExists"]

    @pytest.mark.parametrize(
        ("program", "waited"),
        [
            ("case $* in *generate*) echo abc ;; *) exit 1 ;; esac", 0),
            ("[ $(wc -l <waited) -ge 2 ] || exit 1; echo abc", 2),
            ("[ $(wc -l <waited) -ge 1 ] || exit 0; echo abc", 1),
        ],
        ids=["a user that was there", "no forge at first", "no token at first"],
    )
    def test_that_unit_asks_until_there_is_a_token(
        nix: Evaluator, tmp_path: Path, program: str, waited: int
    ) -> None:
        made = host(nix)
        for name, text in (("nixos-container", program), ("sleep", "echo $1 >>waited")):
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / name).chmod(0o755)
        (tmp_path / "waited").write_text("")
        token = made["settings"]["forge_token_file"]
        script = made["services"]["hyperhive-forge-token"]["script"]
        # As NixOS runs it: by bash, which is told to end at the first failure.
        script = "set -e\n" + script.replace(token, f"{tmp_path}/token")
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(
            ["bash", "-c", script], env=env, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "token").read_text() == "abc\n"
        assert (tmp_path / "waited").read_text() == "60\n" * waited
        # One line in the journal, however long it takes.
        assert done.stdout.count("no token yet") == min(waited, 1)
        assert not (tmp_path / "token.new").exists()
