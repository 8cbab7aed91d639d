"""The runtime `nixos` over real systemd, machined, nspawn and Nix, in a booted Debian."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.nixos import booted
from tests.fakes.nixos.booted import Booted

if booted.IS_POSSIBLE:
    pytestmark = pytest.mark.slow

    @pytest.fixture(scope="module")
    def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
        """One booted system for all of these tests."""
        root = tmp_path_factory.mktemp("nixos") / "root"
        booted.make_root(root)
        with booted.boot(root) as made:
            yield made

    def test_the_contract_of_every_runtime_holds(system: Booted) -> None:
        done = system.pytest("tests/contract/test_runtime.py", "-k", "nixos")
        assert done.returncode == 0, done.stdout

    def test_a_whole_system_is_one_container(system: Booted) -> None:
        done = system.pytest("tests/fakes/nixos/in_booted.py")
        assert done.returncode == 0, done.stdout

    def test_a_hive_has_its_agents_shut_in_and_is_shut_in_by_its_unit(system: Booted) -> None:
        done = system.pytest_shut_in("tests/fakes/nixos/in_booted_hive.py")
        assert done.returncode == 0, done.stdout

    def test_no_unit_of_the_host_has_failed(system: Booted) -> None:
        done = system.run("systemctl", "is-system-running")
        assert done.stdout.strip() == "running", system.run("systemctl", "--failed").stdout

    def test_the_nix_module_has_the_unit_that_was_tried_here() -> None:
        module = (booted.REPOSITORY / "nix/templates/harness-base.nix").read_text(encoding="utf-8")
        said = "".join(module.split())
        for line in booted.HARNESS_UNIT.splitlines():
            key, _, value = line.partition("=")
            if key in {"SuccessAction", "FailureAction", "ExecStart", "KillMode"}:
                assert f'{key}="{value}"' in said
            if key == "TimeoutStopSec":
                assert f"{key}={value}" in said
