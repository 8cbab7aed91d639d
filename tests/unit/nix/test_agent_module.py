"""An agent's container has the harness, and a screen if it asks; neither fails a switch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakes.nix_eval import NIX_INSTANTIATE, Evaluator
from tests.fakes.nix_world import ROOT

GUI = "agent.hive.gui.enable = true;"


def agent(nix: Evaluator, source: Path, text: str = "") -> Any:
    return nix.made_of("agent", f'source = "{source}"; {text}')


if NIX_INSTANTIATE:

    def test_no_unit_of_a_container_is_touched_by_a_switch(nix: Evaluator, files: Path) -> None:
        (files / "agent.toml").write_text("[screen]\nport = 5901\n")
        services = agent(nix, files, GUI)["services"]
        assert set(services) == {"hive", "hive-screen"}
        for unit in services.values():
            assert unit["restartIfChanged"] is False
            assert unit["serviceConfig"].get("Type") != "oneshot"

    def test_a_screen_that_fails_is_started_again_without_an_end(
        nix: Evaluator, files: Path
    ) -> None:
        (files / "agent.toml").write_text("[screen]\nport = 5901\n")
        unit = agent(nix, files, GUI)["services"]["hive-screen"]
        assert unit["serviceConfig"]["Restart"] == "always"
        assert unit["unitConfig"]["StartLimitIntervalSec"] == 0

    def test_the_screen_is_where_agent_toml_says(nix: Evaluator, files: Path) -> None:
        (files / "agent.toml").write_text("[screen]\nport = 5901\n")
        made = agent(nix, files, GUI)
        assert "--port=5901" in made["services"]["hive-screen"]["serviceConfig"]["ExecStart"]
        said = json.loads(made["etc"]["hyperhive/gui.json"]["text"])
        assert said == {"vnc_port": 5901, "auth": "none"}

    def test_weston_lets_in_whoever_names_its_user(nix: Evaluator, files: Path) -> None:
        (files / "agent.toml").write_text("[screen]\nport = 5901\n")
        made = agent(nix, files, GUI)
        asked = made["security"]["pam"]["services"]["weston-remote-access"]["text"]
        assert asked == "auth required pam_permit.so\naccount required pam_permit.so\n"
        # The name that the page gives is root.
        assert "User" not in made["services"]["hive-screen"]["serviceConfig"]
        page = (ROOT / "hive/web/assets/agent_page/screen.js").read_text()
        assert 'WESTON = { username: "root"' in page

    def test_a_screen_its_page_would_not_find_is_refused_with_agent_and_value(
        nix: Evaluator, files: Path
    ) -> None:
        (files / "agent.toml").write_text("[screen]\nport = 5901\n")
        (said,) = agent(nix, files, f"{GUI} agent.hive.gui.port = 5900;")["failed"]
        assert said.startswith(
            "agent alice: hive.gui.port is 5900 and screen.port in agent.toml is"
        )
        (files / "agent.toml").write_text("")
        (said,) = agent(nix, files, GUI)["failed"]
        assert "is not set" in said

    def test_a_screen_that_every_program_of_the_host_could_hold_is_refused(
        nix: Evaluator, files: Path
    ) -> None:
        (files / "agent.toml").write_text('network = "host"\n[screen]\nport = 5901\n')
        (said,) = agent(nix, files, GUI)["failed"]
        assert said.startswith("agent alice: network in agent.toml is host")
        (files / "agent.toml").write_text('network = "proxy"\n[screen]\nport = 5901\n')
        assert agent(nix, files, GUI)["failed"] == []

    def test_there_is_no_screen_unless_it_is_asked_for(nix: Evaluator, files: Path) -> None:
        made = agent(nix, files)
        assert set(made["services"]) == {"hive"}
        assert made["etc"] == {}

    def test_a_containers_network_is_left_alone(nix: Evaluator, files: Path) -> None:
        for role in ("agent", "manager"):
            made = agent(nix, files, f'role = "{role}";')
            assert made["networking"]["firewall"]["enable"] is False
            assert made["networking"]["useDHCP"] is False
