"""The scripted Messages API itself."""

from __future__ import annotations

import json
from typing import Any

import h11
import pytest
import trio

from tests.fakes import messages_api
from tests.fakes.messages_api import CutOff, Dropped, MessagesApi, Text, tool_use


async def _post(api: MessagesApi, body: dict[str, Any], key: str = "k") -> tuple[int, str]:
    """Return the status and the whole body of one model call."""
    data = json.dumps(body).encode()
    http = h11.Connection(h11.CLIENT)
    port = int(api.url.rsplit(":", 1)[1])
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        headers = [("host", "x"), ("content-length", str(len(data))), ("x-api-key", key)]
        head = h11.Request(method="POST", target="/v1/messages?beta=true", headers=headers)
        await stream.send_all(http.send(head) or b"")
        await stream.send_all(http.send(h11.Data(data=data)) or b"")
        await stream.send_all(http.send(h11.EndOfMessage()) or b"")
        status, text = 0, b""
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                http.receive_data(await stream.receive_some(65536))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                text += event.data
    return status, text.decode()


def _asked(text: str, system: str = "") -> dict[str, Any]:
    return {"system": system, "messages": [{"role": "user", "content": text}], "stream": True}


async def test_steps_are_played_in_order_then_it_says_ok() -> None:
    async with messages_api.serve([messages_api.overloaded(), Text("hi", chunks=2)]) as api:
        assert (await _post(api, _asked("a")))[0] == 529
        status, text = await _post(api, _asked("b"))
        assert status == 200
        assert text.count("text_delta") == 2
        assert '"ok"' in (await _post(api, _asked("c")))[1]
        assert [messages_api.user_texts(each) for each in api.requests] == [["a"], ["b"], ["c"]]


async def test_an_agent_has_a_script_of_its_own() -> None:
    async with messages_api.serve([]) as api:
        api.play([Text("by prompt")], marker="agent-bob")
        api.play([Text("by key")], marker="key-of-eve")
        assert "by prompt" in (await _post(api, _asked("x", "you are agent-bob")))[1]
        assert "by key" in (await _post(api, _asked("x"), "key-of-eve"))[1]
        assert '"ok"' in (await _post(api, _asked("x")))[1]


async def test_a_function_reads_the_conversation_and_calls_tools() -> None:
    def answer(request: messages_api.Request) -> messages_api.Step:
        results = messages_api.tool_results(request)
        return Text("got " + results[0]) if results else tool_use(("look", {"at": 1}))

    async with messages_api.serve(answer) as api:
        assert "input_json_delta" in (await _post(api, _asked("x")))[1]
        asked = _asked("x")
        result = {"type": "tool_result", "content": [{"type": "text", "text": "seven"}]}
        asked["messages"] += [
            {"role": "assistant", "content": []},
            {"role": "user", "content": [result]},
        ]
        assert "got seven" in (await _post(api, asked))[1]


@pytest.mark.parametrize("step", [Dropped(), CutOff()])
async def test_a_connection_is_cut(step: messages_api.Step) -> None:
    async with messages_api.serve([step]) as api:
        with pytest.raises(h11.RemoteProtocolError):
            await _post(api, _asked("x"))


async def test_an_error_comes_in_the_middle_of_a_stream() -> None:
    async with messages_api.serve([CutOff(kind="overloaded_error")]) as api:
        status, text = await _post(api, _asked("x"))
        assert status == 200
        assert "event: error" in text
