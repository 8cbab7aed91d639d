"""Whom an agent may write to is decided on the host, from its deployed agent.toml."""

from __future__ import annotations

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive.core.agents import Agents
from hive.errors import NotFound, Refused
from hive.store.agents import AgentStore, Deployed
from hive.wire.agent_config import AgentConfig
from hive.wire.dashboard import Sent
from tests.fakes.post import ADA, Post, open_post

EVERYBODY = ["manager", "ada", "bob", "cy", "operator"]


async def test_without_a_list_everybody_may_be_written_to(post: Post) -> None:
    for name in EVERYBODY:
        await post.broker.send("ada", name, "hello")


async def test_who_is_not_listed_is_refused_and_nothing_is_stored(post: Post) -> None:
    post.allowed["ada"] = ("bob",)
    with pytest.raises(
        Refused, match=r"ada may write to bob, manager and not to cy: .*agent\.toml"
    ):
        await post.broker.send("ada", "cy", "hello")
    assert await post.broker.unread("cy") == 0
    assert not post.frames
    await post.broker.send("ada", "bob", "hello")


async def test_the_manager_is_always_allowed_and_the_operator_only_when_listed(post: Post) -> None:
    post.allowed["ada"] = ("bob",)
    await post.broker.send("ada", "manager", "hello")
    with pytest.raises(Refused, match="add 'operator' to allowed_recipients in ada's"):
        await post.broker.send("ada", "operator", "hello")
    post.allowed["ada"] = ("operator",)
    await post.broker.send("ada", "operator", "hello")


async def test_a_broadcast_reaches_those_that_are_allowed(post: Post) -> None:
    post.allowed["ada"] = ("cy", "gone")
    await post.broker.send("ada", "*", "hello")
    told = [frame.to for frame in post.frames if isinstance(frame, Sent)]
    assert sorted(told) == ["cy", "manager"]


async def test_a_broadcast_to_nobody_that_is_allowed_is_refused(post: Post) -> None:
    post.names.remove("manager")
    post.allowed["ada"] = ("gone",)
    with pytest.raises(Refused, match="ada may write to gone, manager"):
        await post.broker.send("ada", "*", "hello")


async def test_a_name_that_nobody_has_is_not_found_before_it_is_refused(post: Post) -> None:
    post.allowed["ada"] = ("bob",)
    with pytest.raises(NotFound):
        await post.broker.send("ada", "zed", "hello")


async def test_a_question_is_held_to_the_same_list(post: Post) -> None:
    post.allowed["ada"] = ("bob",)
    with pytest.raises(Refused):
        await post.questions.ask("ada", "which?", to="cy")
    for operator in (None, "operator"):
        with pytest.raises(Refused, match="not to operator"):
            await post.questions.ask("ada", "which?", to=operator)
    assert await post.questions.pending() == []
    await post.questions.ask("ada", "which?", to="bob")
    await post.questions.ask("ada", "which?", to="manager")


async def test_who_was_asked_may_answer_whatever_its_list_says(post: Post) -> None:
    post.allowed["bob"] = ("cy",)
    number = await post.questions.ask("ada", "which?", to="bob")
    await post.questions.answer(number, "bob", "that one")
    assert await post.broker.unread("ada") == 1


async def test_the_others_may_still_write_to_it(post: Post) -> None:
    post.allowed["ada"] = ("bob",)
    for sender in ("cy", "manager", "operator"):
        await post.broker.send(sender, "ada", "hello")
    assert await post.broker.unread("ada") == 3


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    listed=st.lists(st.sampled_from([*EVERYBODY, "gone"]), unique=True).map(tuple),
    to=st.sampled_from([*EVERYBODY, "*"]),
)
def test_nobody_ever_hears_from_who_may_not_write(
    tmp_path_factory: pytest.TempPathFactory, listed: tuple[str, ...], to: str
) -> None:
    async def main() -> None:
        async with open_post(tmp_path_factory.mktemp("post")) as post:
            post.allowed["ada"] = listed
            try:
                await post.broker.send("ada", to, "hello")
            except Refused:
                assert to not in {*listed, "manager", "ada", "*"}
            told = {frame.to for frame in post.frames if isinstance(frame, Sent)}
            assert not listed or told <= {*listed, "manager", "ada"}

    trio.run(main)


async def test_the_registry_knows_the_list_of_what_is_deployed(post: Post) -> None:
    agents = Agents(AgentStore(post.database), post.clock)
    await agents.add(ADA)
    assert agents.allowed_recipients("ada") == ()
    config = AgentConfig(allowed_recipients=("bob",))
    await agents.set_deployed(Deployed(ADA, "a" * 40, "deployed/1", "", config, "rev"))
    assert agents.allowed_recipients("ada") == ("bob",)
    for other in ("operator", "system", "nobody", "../x", ""):
        assert agents.allowed_recipients(other) == ()
