"""What the codec takes of a daemon that is newer than its reader."""

from __future__ import annotations

import pytest

from hive.errors import BadRequest
from hive.wire import codec
from hive.wire.agent import AgentReply


def test_a_reply_may_say_more_than_its_reader_knows_and_nothing_else() -> None:
    message = {"id": 1, "from": "bob", "body": "x", "redelivered": False}
    message |= {"in_reply_to": None, "sent_at": 1.0, "new": {"of": "later"}}
    reply = {"kind": "messages", "messages": [message], "newer": 1}
    read = codec.from_tagged("kind", AgentReply, reply, may_grow=True)
    assert [each.body for each in read.messages] == ["x"]
    with pytest.raises(BadRequest, match="unknown field 'new'"):
        codec.from_tagged("kind", AgentReply, reply)
    message["id"] = "1"
    with pytest.raises(BadRequest, match="must be a whole number"):
        codec.from_tagged("kind", AgentReply, reply, may_grow=True)
