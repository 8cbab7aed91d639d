"""The meta flake, locked, evaluated and built by the real Nix with hive's real modules."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import trio

from hive.errors import BadRequest, ProgramFailed, Unavailable
from hive.host import nix_build, safe_repos, template
from hive.host.flake_meta import FLAKE_BYTES, FlakeMeta
from hive.host.flake_text import MetaFlake
from hive.host.git import Git
from hive.host.nix import Nix
from hive.wire.names import MANAGER, AgentName
from tests.contract.meta.subjects import ALICE, BOB, KINDS, Subject
from tests.fakes.nix_world import AGENT_FLAKE, NIX, NixWorld, commit

FLAKE_KINDS = [kind for kind in KINDS if kind == "flake"]


@pytest.fixture(params=FLAKE_KINDS)
def flake(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    """A meta flake, where there is a Nix."""
    world = request.getfixturevalue("nix_world")
    return Subject(request.param, tmp_path, Git(), world)


def world_of(subject: Subject) -> NixWorld:
    assert subject.world is not None
    return subject.world


def built(subject: Subject, name: str) -> dict[str, Any]:
    return world_of(subject).build(subject.repo, name)


def packages(*names: str) -> str:
    return "{ pkgs, ... }: { environment.systemPackages = [ " + " ".join(names) + " ]; }"


async def test_an_agents_system_is_hives_module_and_its_own(flake: Subject) -> None:
    sha = flake.propose(ALICE, packages("pkgs.jq"))
    await flake.opened().finalize(ALICE, sha, "deployed/1")
    system = built(flake, "alice")
    unit = system["systemd"]["services"]["hive"]
    assert unit["serviceConfig"]["ExecStart"] == "/etc/hive/run"
    assert system["environment"]["systemPackages"][-1] == "jq"
    assert system["programs"]["git"]["config"]["user"]["name"] == "alice"
    assert system["hive"]["name"] == system["networking"]["hostName"] == "alice"


@pytest.mark.parametrize("name", [ALICE, MANAGER])
async def test_the_template_is_built_as_it_is(flake: Subject, name: AgentName) -> None:
    sha = commit(flake.git, flake.applied / name, template.files("nixos", name))
    await flake.opened().finalize(name, sha, "deployed/0")
    assert built(flake, name)["hive"]["name"] == name


async def test_what_is_prepared_is_what_is_built_until_the_abort(flake: Subject) -> None:
    meta, old = flake.opened(), flake.propose(ALICE, packages("pkgs.jq"))
    await meta.finalize(ALICE, old, "deployed/0")
    new = flake.propose(ALICE, packages("pkgs.less"))
    assert built(flake, "alice")["environment"]["systemPackages"][-1] == "jq"
    await meta.prepare(ALICE, new, "deployed/1")
    assert built(flake, "alice")["environment"]["systemPackages"][-1] == "less"
    await meta.abort()
    assert built(flake, "alice")["environment"]["systemPackages"][-1] == "jq"


async def test_the_runtime_builds_what_is_prepared(
    flake: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in world_of(flake).env.items():
        monkeypatch.setenv(key, value)
    meta, said = flake.opened(), list[str]()
    sha = flake.propose(ALICE, f'{{ never_built = "{flake.root}"; }}')
    await meta.prepare(ALICE, sha, "deployed/1")
    path = await nix_build.system(NIX or "", flake.repo, ALICE, said.append, timeout_s=60)
    system = json.loads(await (trio.Path(path) / "config.json").read_text())
    assert system["never_built"] == str(flake.root)
    assert any("building" in line for line in said)
    await meta.abort()


async def test_the_manager_has_a_module_of_its_own(flake: Subject) -> None:
    await flake.opened().finalize(MANAGER, flake.propose(MANAGER), "deployed/0")
    config = built(flake, "manager")["programs"]["git"]["config"]
    # The same words as in the settings of a sandbox's git.
    lines = [line.strip() for line in safe_repos.SYSTEM.splitlines()]
    for repository in config["safe"]["directory"]:
        assert f"directory = {repository}" in lines
    assert f"path = {config['include']['path']}" in lines
    assert len(config["safe"]["directory"]) == sum("directory = " in line for line in lines)


async def test_packages_of_agent_toml_are_those_of_nixpkgs(flake: Subject) -> None:
    wanted = {"agent.toml": 'packages = ["jq", "python3Packages.requests"]'}
    await flake.opened().finalize(ALICE, flake.propose(ALICE, **wanted), "deployed/0")
    found = built(flake, "alice")["environment"]["systemPackages"]
    assert found[-2:] == ["jq", "python3Packages.requests"]


async def test_a_package_nixpkgs_lacks_is_named_by_the_build(flake: Subject) -> None:
    wanted = {"agent.toml": 'packages = ["no-such-thing"]'}
    await flake.opened().finalize(ALICE, flake.propose(ALICE, **wanted), "deployed/0")
    what = f'{flake.repo}#nixosConfigurations."alice".config.system.build.toplevel'
    done = world_of(flake).call("build", "--no-link", what, check=False)
    assert done.returncode != 0
    assert "agent.toml of alice asks for the package 'no-such-thing'" in done.stderr


async def test_modules_get_the_inputs_of_the_agents_flake(flake: Subject) -> None:
    module = "{ flakeInputs, ... }: { inputs = builtins.attrNames flakeInputs; }"
    text = (
        '{ inputs.sub.url = "path:./sub"; outputs = i: { nixosModules.default = ./agent.nix; }; }'
    )
    sha = flake.propose(
        ALICE, module, **{"flake.nix": text, "sub/flake.nix": "{ outputs = _: { }; }"}
    )
    await flake.opened().finalize(ALICE, sha, "deployed/0")
    assert built(flake, "alice")["inputs"] == ["sub"]


async def test_a_system_without_a_name_is_refused_with_the_mend(flake: Subject) -> None:
    await flake.opened().finalize(ALICE, flake.propose(ALICE), "deployed/0")
    done = world_of(flake).call("eval", f"{flake.repo}#nixosConfigurations.container", check=False)
    assert "name the agent, as in meta#alice" in done.stderr


async def test_an_agent_may_be_called_container(flake: Subject) -> None:
    name = AgentName("container")
    await flake.opened().finalize(name, flake.propose(name), "deployed/0")
    assert built(flake, "container")["hive"]["name"] == "container"


def stored(subject: Subject) -> set[str]:
    return {entry.name for entry in (world_of(subject).root / "store").iterdir()}


async def test_an_agents_flake_takes_no_files_of_the_host(flake: Subject) -> None:
    meta, secret = flake.opened(), flake.root / "secret"
    old = flake.propose(ALICE)
    await meta.finalize(ALICE, old, "deployed/0")
    commit(flake.git, secret, {"flake.nix": f"{{ outputs = _: {{ }}; }} # {flake.root}"})
    before = stored(flake)
    for url in (f"git+file://{secret}", f"path:{secret}", str(secret), f'path:" + "{secret}'):
        text = AGENT_FLAKE.replace("{", f'{{ inputs.x.url = "{url}";', 1)
        sha = flake.propose(ALICE, **{"flake.nix": text})
        with pytest.raises(BadRequest, match=r"the flake of alice takes .*secret' as an input"):
            await meta.prepare(ALICE, sha, "deployed/1")
        assert await meta.locked() == {ALICE: (old, "deployed/0")}
        assert await flake.leftovers() == ""
    assert stored(flake) == before


TAKES = '{ inputs.x = { flake = false; url = "URL"; }; outputs = _: { }; }'
UP = "./" + "../" * 20
WITH_SUB = '{ inputs.y.url = "path:./sub"; outputs = _: { }; }'


@pytest.mark.parametrize(
    ("files", "link"),
    [
        ({"{}": TAKES.replace("URL", "path:/SECRET")}, ("flake.nix", "{}")),
        ({"flake.nix": TAKES.replace("URL", f"{UP}SECRET")}, None),
        ({"flake.nix": TAKES.replace("URL", "./sub/secret")}, ("sub", "/ROOT")),
        ({"flake.nix": WITH_SUB, "sub/flake.nix": TAKES.replace("URL", "path:/SECRET")}, None),
    ],
    ids=["a link in its place", "a way up", "a link on the way", "a flake inside"],
)
async def test_no_way_around_leads_nix_to_files_of_the_host(
    flake: Subject, files: dict[str, str], link: tuple[str, str] | None
) -> None:
    meta, root, repo = flake.opened(), str(flake.root).strip("/"), flake.applied / ALICE
    (flake.root / "secret").mkdir()
    (flake.root / "secret/flake.nix").write_text(f"# of {root}")
    told = {path: text.replace("SECRET", f"{root}/secret") for path, text in files.items()}
    sha = flake.propose(ALICE, **told)
    if link is not None:
        (repo / link[0]).unlink(missing_ok=True)
        (repo / link[0]).symlink_to(link[1].replace("ROOT", root))
        await flake.git.run(repo, "add", "--all")
        await flake.git.run(repo, "commit", "-q", "-m", "x")
        sha = await flake.git.run(repo, "rev-parse", "HEAD")
    before = stored(flake)
    with pytest.raises(BadRequest, match=r"of alice (takes|is a link)"):
        await meta.prepare(ALICE, sha.strip(), "deployed/1")
    assert stored(flake) == before


async def test_looking_at_a_flakes_inputs_reads_no_file(flake: Subject) -> None:
    text = '{ inputs.x.url = builtins.readFile "/etc/passwd"; outputs = _: { }; }'
    with pytest.raises(ProgramFailed) as caught:
        await flake.opened().prepare(
            ALICE, flake.propose(ALICE, **{"flake.nix": text}), "deployed/1"
        )
    assert "restricted mode" in caught.value.stderr


async def test_a_broken_flake_fails_and_leaves_the_old_lock(flake: Subject) -> None:
    meta, old = flake.opened(), flake.propose(ALICE)
    await meta.finalize(ALICE, old, "deployed/0")
    for text in ("{ outputs = ", '{ inputs.x.url = "no-such"; outputs = i: { }; }'):
        with pytest.raises(ProgramFailed) as caught:
            await meta.prepare(ALICE, flake.propose(ALICE, **{"flake.nix": text}), "deployed/1")
        assert caught.value.stderr
    with pytest.raises(BadRequest, match=r"commit 111111111111 of alice has no flake\.nix"):
        await meta.prepare(ALICE, "1" * 40, "deployed/2")
    sha = commit(flake.git, flake.applied / ALICE, {"agent.nix": "{ }"})
    with pytest.raises(BadRequest, match=r"has no flake\.nix that can be read: add one"):
        await meta.prepare(ALICE, sha, "deployed/3")
    sha = flake.propose(ALICE, **{"flake.nix": AGENT_FLAKE + "#" * FLAKE_BYTES})
    with pytest.raises(BadRequest, match="longer than"):
        await meta.prepare(ALICE, sha, "deployed/4")
    assert await meta.locked() == {ALICE: (old, "deployed/0")}
    assert await flake.leftovers() == ""
    assert built(flake, "alice")["hive"]["name"] == "alice"


async def test_inputs_are_offered_to_a_depth_of_two(flake: Subject) -> None:
    meta, sha = flake.opened(), flake.propose(ALICE)
    await meta.finalize(ALICE, sha, "deployed/0")
    rows = await meta.inputs()
    assert [row.name for row in rows] == ["hyperhive", "agent-alice", "hyperhive/nixpkgs"]
    assert rows[1].rev == sha
    assert all(row.locked_at for row in rows)


async def test_a_newer_nixpkgs_concerns_every_agent_and_nothing_else_moves(flake: Subject) -> None:
    meta, sha = flake.opened(), flake.propose(ALICE)
    await meta.finalize(ALICE, sha, "deployed/0")
    before = {row.name: row.rev for row in await meta.inputs()}
    newest = world_of(flake).bump_nixpkgs(f"for {flake.root}")
    assert await meta.update(["hyperhive/nixpkgs"], print) == (ALICE,)
    after = {row.name: row.rev for row in await meta.inputs()}
    assert after == {**before, "hyperhive/nixpkgs": newest}
    assert await meta.log(1) == ["lock update: hyperhive/nixpkgs"]


async def test_what_was_updated_stays_so_at_the_next_deployment(flake: Subject) -> None:
    meta = flake.opened()
    await meta.finalize(ALICE, flake.propose(ALICE), "deployed/0")
    newest = world_of(flake).bump_nixpkgs(f"again for {flake.root}")
    await meta.update(["hyperhive/nixpkgs"], print)
    await meta.finalize(BOB, flake.propose(BOB), "deployed/1")
    rows = {row.name: row.rev for row in await meta.inputs()}
    assert rows["hyperhive/nixpkgs"] == newest


async def test_another_flake_of_hive_comes_in_with_the_next_sync(flake: Subject) -> None:
    meta = flake.opened()
    await meta.finalize(ALICE, flake.propose(ALICE), "deployed/0")
    other = flake.root / "other"
    shutil.copytree(world_of(flake).hyperhive, other)
    text = MetaFlake(f"git+file://{other}", flake.applied, "x86_64-linux")
    newer = FlakeMeta(flake.repo, flake.git, "r", world_of(flake).nix, text)
    assert await newer.sync([ALICE]) is True
    assert await newer.sync([ALICE]) is False
    assert f"file://{other}" in (flake.repo / "flake.lock").read_text()


async def test_a_root_that_a_flake_cannot_name_is_refused(flake: Subject) -> None:
    text = MetaFlake("path:/x", Path("/a b/applied"), "x86_64-linux")
    meta = FlakeMeta(flake.repo, flake.git, "r", world_of(flake).nix, text)
    with pytest.raises(BadRequest, match="give another --root"):
        await meta.prepare(ALICE, "1" * 40, "deployed/0")


async def test_the_version_of_nix_is_found(flake: Subject) -> None:
    assert await world_of(flake).nix.version() >= (2, 4)


async def test_a_nix_that_says_no_version_is_told(flake: Subject) -> None:
    nix = Nix(shutil.which("echo") or "", flake.git.program, world_of(flake).env)
    with pytest.raises(Unavailable, match="said"):
        await nix.version()
