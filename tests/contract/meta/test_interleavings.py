"""Whatever is done in whatever order, the lock is what was finalized last, and so is the log."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hive.host.git import Git
from hive.wire.names import AgentName
from tests.contract.meta.subjects import Subject

NAMES = [AgentName("a"), AgentName("b"), AgentName("c")]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("prepare"), st.sampled_from(NAMES), st.integers(0, 3)),
        st.tuples(st.just("finalize"), st.sampled_from(NAMES), st.integers(0, 3)),
        st.tuples(st.just("sync"), st.lists(st.sampled_from(NAMES), unique=True), st.just(0)),
        st.tuples(st.just("abort"), st.none(), st.just(0)),
        st.tuples(st.just("upgrade"), st.none(), st.just(0)),
        st.tuples(st.just("restart"), st.none(), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=8, deadline=None)
@given(steps=STEPS)
async def test_the_lock_is_what_was_finalized_last(steps: list[tuple[str, object, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subject = Subject("plain", Path(folder), Git())
        meta = subject.opened()
        await meta.recover()
        model: dict[object, tuple[str, str]] = {}
        deployed = 0
        for step, what, number in steps:
            sha, tag = f"{number:040x}", f"deployed/{number}"
            if step == "prepare":
                await meta.prepare(AgentName(str(what)), sha, tag)
            elif step == "finalize":
                await meta.finalize(AgentName(str(what)), sha, tag)
                deployed += model.get(what) != (sha, tag)
                model[what] = sha, tag
            elif step == "sync" and isinstance(what, list):
                await meta.sync(what)
                model = {name: pin for name, pin in model.items() if name in what}
            elif step == "abort":
                await meta.abort()
            else:
                if step == "upgrade":
                    subject.installed += "x"
                meta = subject.opened()
                await meta.recover()
            assert await meta.locked() == model
        assert sum(line.startswith("deploy ") for line in await meta.log(50)) == deployed
        await meta.abort()
        assert await subject.leftovers() == ""
