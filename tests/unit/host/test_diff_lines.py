"""Every line of a diff is told with its file, side and number, whatever the files say."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive.host.diff_lines import lines_of, path_of
from hive.host.git_diff import plain
from hive.wire.reviews import NEW, OLD
from tests.fakes.manager_git import git

READER = """
import { filesOf } from "%s";
let text = "";
process.stdin.on("data", (more) => (text += more)).on("end", () => {
  const places = (one) => filesOf(one).flatMap((file) => file.lines.flatMap((line) => [
    ...(line.old ? [[file.path, "old", line.old, line.text]] : []),
    ...(line.new ? [[file.path, "new", line.new, line.text]] : []),
  ]));
  console.log(JSON.stringify(JSON.parse(text).map(places)));
});
"""
MODULE = Path(__file__).parents[3] / "hive/web/assets/dashboard/diff_text.js"
LINES = st.lists(
    st.sampled_from(
        [
            "same", "", " ", "-", "+", "--- a/agent.toml", "-- a/x", "++ b/x", "+++ b/agent.toml",
            "@@ -1 +1 @@", "@@ -1,9 +1,9 @@ def f", "diff --git a/x b/x", "\\ No newline at end",
            "\ttab", "Binary files a and b differ", "\u202eodd", "ä 日本", "index 1..2 100644",
        ]
    ),
    max_size=14,
)  # fmt: skip
NAMES = st.builds(
    "{}{}".format,
    st.sampled_from(
        ["agent.toml", "x b/agent.toml", 'say "hi"', "back\\slash", "ä/日本.md", "a/b/c", "-rf"]
    ),
    st.sampled_from(["", " ", "2", " b"]),
)
FILES = st.dictionaries(NAMES, st.tuples(LINES, st.booleans()), max_size=12)
Tree = dict[str, tuple[list[str], bool]]


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diffs")
    git(folder, "init", "--quiet", "--initial-branch=main", ".")
    git(folder, "config", "user.name", "m")
    git(folder, "config", "user.email", "m@m")
    return folder


def text_of(lines: list[str], *, is_ended: bool) -> str:
    return "\n".join(lines) + ("\n" if is_ended and lines else "")


def commit(repo: Path, tree: Tree) -> str:
    """Commit exactly these files; returns the commit."""
    for path in repo.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, (lines, is_ended) in tree.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text_of(lines, is_ended=is_ended), encoding="utf-8")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--allow-empty", "-m", "x")
    return git(repo, "rev-parse", "HEAD")


def diff(repo: Path, old: str, new: str, *words: str) -> str:
    """Return a diff as hive takes it."""
    how = ("-p", "--full-index", "--no-renames", "--no-color", *words)
    done = subprocess.run(
        ["git", "-c", "core.quotePath=false", "diff-tree", "-r", *how, old, new],
        cwd=repo,
        capture_output=True,
        check=True,
    )
    return plain(done.stdout.decode())


def content(tree: Tree, path: str) -> list[str]:
    return [plain(line) for line in text_of(tree[path][0], is_ended=False).split("\n")]


def by_page(texts: list[str], folder: Path) -> list[Any]:
    """Return what the page's own reader makes of some diffs."""
    script = folder / "read.mjs"
    script.write_text(READER % MODULE.as_uri(), encoding="utf-8")
    node = shutil.which("node")
    assert node, "node is missing: ./build.sh test brings one"
    done = subprocess.run(
        [node, str(script)], input=json.dumps(texts).encode(), capture_output=True, check=True
    )
    found: list[Any] = json.loads(done.stdout)
    return found


def test_every_line_lands_where_the_file_has_it_and_the_page_reads_it_so_too(
    repo: Path, tmp_path: Path
) -> None:
    texts: list[str] = []

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(old=FILES, new=FILES, words=st.sampled_from([(), ("-U0",), ("-w",)]))
    def look(old: Tree, new: Tree, words: tuple[str, ...]) -> None:
        text = diff(repo, commit(repo, old), commit(repo, new), *words)
        texts.append(text)
        found = list(lines_of(text))
        for line in found:
            tree = old if line.side == OLD else new
            if words != ("-w",) or line.side == NEW or line.is_changed:
                assert content(tree, line.path)[line.line - 1] == line.text
        if words == ("-w",):
            return
        shown = {(line.path, line.side, line.line) for line in found if line.is_changed}
        for path in old.keys() ^ new.keys():
            side, tree = (OLD, old) if path in old else (NEW, new)
            last = len(text_of(tree[path][0], is_ended=tree[path][1]).splitlines())
            assert {(path, side, number + 1) for number in range(last)} <= shown

    look()
    ours = [[[one.path, one.side, one.line, one.text] for one in lines_of(text)] for text in texts]
    assert by_page(texts, tmp_path) == ours


def test_a_diff_that_is_cut_off_tells_the_lines_it_still_has(repo: Path, tmp_path: Path) -> None:
    old: Tree = {"agent.toml": (["one", "two"], True)}
    new: Tree = {"agent.toml": (["one", "three"], False), "b": (["x"], True)}
    text = diff(repo, commit(repo, old), commit(repo, new))
    cuts = [text[:end] for end in range(0, len(text), 7)]
    ours = [[[one.path, one.side, one.line, one.text] for one in lines_of(cut)] for cut in cuts]
    assert by_page(cuts, tmp_path) == ours
    assert list(lines_of(text))[: len(ours[-1]) - 1]


def test_no_path_is_read_as_another_one() -> None:
    assert path_of("diff --git a/x b/agent.toml b/x b/agent.toml") == "x b/agent.toml"
    assert path_of('diff --git "a/\\" \\"b/y" "b/\\" \\"b/y"') == '" "b/y'
    assert path_of("diff --git what") == "what"
