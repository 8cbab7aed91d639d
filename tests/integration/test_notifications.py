"""What happens reaches every outlet: once, together, in its time, though outlet or daemon fail."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive.core.notify_rules import GAP_S, GIVE_UP_S
from hive.errors import BadRequest, Conflict, NotFound
from hive.wire.dashboard import Notice
from hive.wire.notifications import (
    BROWSER,
    NTFY,
    PUSH,
    WEBHOOK,
    NewSubscription,
    OutletSwitches,
    Quiet,
)
from tests.fakes.notifying import SECRET, TOKEN, Desk, notifying
from tests.fakes.post import HandClock
from tests.fakes.receiver import HANGS, Browser, receiver, unb64
from tests.fakes.running import running

ROOT = Path(__file__).parents[2]
LOGIN = Notice("needs_login", "warning", "log these in: ada, bob", ("ada", "bob"))


async def subscribed(desk: Desk, browser: Browser, url: str, label: str = "phone") -> int:
    return await desk.mine.subscribe(NewSubscription(**browser.given(url, label)))


async def test_a_page_is_told_of_each_class_once_with_where_it_leads(tmp_path: Path) -> None:
    async with notifying(tmp_path) as desk:
        await desk.approval()
        question = await desk.question()
        number = await desk.message()
        await desk.mine.tell_faults([LOGIN])
        for _ in range(6):
            await desk.pump()
        assert [(each.title, each.path) for each in desk.shown()] == [
            ("An approval waits: cy", "/#approval-1"),
            ("bob asks", f"/#question-{question}"),
            ("ada does not work", "/agent/ada/"),
            ("bob does not work", "/agent/bob/"),
            ("A message from bob", f"/#message-{number}"),
        ]
        assert desk.shown()[1].text == "tea?"
        assert await desk.states() == []


async def test_what_is_between_agents_or_older_than_this_hive_notifies_nobody(
    tmp_path: Path,
) -> None:
    async with notifying(tmp_path) as desk:
        await desk.post.broker.send("ada", "bob", "hello")
        await desk.post.questions.ask("ada", "tea?", to="bob")
        await desk.pump()
        assert desk.shown() == []


async def test_a_flood_becomes_one_notification_that_counts(tmp_path: Path) -> None:
    async with notifying(tmp_path) as desk:
        await desk.message()
        await desk.pump()
        for number in range(12):
            await desk.message(body=f"hello {number}")
            await desk.pump(1.0)
        await desk.message("ada")
        await desk.pump()
        assert [each.title for each in desk.shown()] == [
            "A message from bob",
            "A message from ada",
        ]
        await desk.pump(GAP_S)
        assert desk.shown()[-1].title == "12 messages from bob"
        assert desk.shown()[-1].text == "hello 11"
        await desk.pump(10 * GAP_S)
        assert len(desk.shown()) == 3


async def test_a_class_is_switched_off_for_one_outlet_alone(tmp_path: Path) -> None:
    async with receiver() as hook, notifying(tmp_path, webhook_url=hook.url("/x")) as desk:
        settings = desk.mine.settings
        outlets = {**settings.outlets, BROWSER: OutletSwitches(("approval",))}
        await desk.mine.save(attrs.evolve(settings, outlets=outlets))
        await desk.message()
        await desk.pump()
        assert desk.shown() == []
        assert hook.got[0].json["title"] == "A message from bob"


async def test_quiet_hours_hold_everything_and_sum_it_up_at_their_end(tmp_path: Path) -> None:
    quiet = Quiet(is_on=True, start="00:00", end="23:59")
    async with notifying(tmp_path) as desk:
        await desk.only(BROWSER, quiet=quiet)
        await desk.message()
        await desk.message("ada")
        await desk.approval()
        await desk.mine.tell_faults([attrs.evolve(LOGIN, about=("ada",))])
        await desk.pump()
        # Faults break through, as it is usual.
        assert [each.title for each in desk.shown()] == ["ada does not work"]
        await desk.pump(3600)
        assert len(desk.shown()) == 1
        await desk.pump(86400)
        assert desk.shown()[-1].title == "While it was quiet: 1 approval, 2 messages"


async def test_a_fault_is_told_once_until_it_was_over_for_a_while(tmp_path: Path) -> None:
    async with notifying(tmp_path) as desk:
        await desk.mine.tell_faults([LOGIN])
        await desk.mine.tell_faults([LOGIN])
        await desk.mine.load()
        # A crashing agent is well for a moment after each start.
        await desk.mine.tell_faults([])
        await desk.mine.tell_faults([LOGIN])
        await desk.pump()
        await desk.pump()
        assert len(desk.shown()) == 2
        desk.clock.now += 301
        await desk.mine.tell_faults([])
        await desk.mine.tell_faults([LOGIN])
        await desk.pump()
        assert len(desk.shown()) == 3


async def test_a_clock_that_is_put_back_holds_up_nothing(tmp_path: Path) -> None:
    year = 366 * 86400.0
    async with receiver() as hook, notifying(tmp_path, webhook_url=hook.url("/x")) as desk:
        desk.clock.now += year
        hook.says(503, 201)
        await desk.mine.tell_faults([LOGIN])
        await desk.message()
        await desk.pump()
        assert await desk.states() != []
        desk.clock.now -= year
        await desk.message()
        for _ in range(6):
            await desk.pump()
        await desk.pump(GAP_S)
        assert await desk.states() == []
        titles = [each.json["title"] for each in hook.got[1:]]
        assert sorted(titles).count("2 messages from bob") == 1
        # And what went wrong before and does again is told again.
        before = len(hook.got)
        await desk.mine.tell_faults([])
        await desk.mine.tell_faults([LOGIN])
        for _ in range(4):
            await desk.pump(GAP_S)
        assert len(hook.got) == before + 2


async def test_a_job_that_fails_notifies_in_the_transaction_in_which_it_fails(
    tmp_path: Path,
) -> None:
    async with notifying(tmp_path) as desk:

        def fail(connection: Any) -> None:
            connection.execute(
                "INSERT INTO jobs (kind, agent, state, requested_by, created_at, args_json)"
                " VALUES ('rebuild', 'ada', 'running', 'operator', 1, '{}')"
            )
            connection.execute("UPDATE jobs SET state = 'failed', note = 'no disk', ended_at = 2")
            connection.execute("UPDATE jobs SET step = 'over'")

        await desk.post.database.write(fail)
        await desk.pump()
        (shown,) = desk.shown()
        assert (shown.title, shown.text) == ("A job for ada failed", "rebuild: no disk")
        assert shown.path == "/#jobs"


async def test_a_webhook_is_signed_and_named_the_same_at_every_try(tmp_path: Path) -> None:
    async with receiver() as hook, notifying(tmp_path, webhook_url=hook.url("/hook?key=1")) as desk:
        hook.says(500, 204)
        await desk.only(WEBHOOK)
        await desk.message(body="a password")
        await desk.pump()
        await desk.pump(5)
        first, second = hook.got
        assert first.path == "/hook?key=1"
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
        assert first.json["id"] == first.headers["idempotency-key"]
        stamp, signature = second.headers["x-hive-signature"].split(",")
        signed = stamp.removeprefix("t=").encode() + b"." + second.body
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert signature == f"v1={digest}"
        assert stamp == f"t={int(desk.clock())}"
        assert second.json | {"id": "", "at": 0} == {
            "version": 1,
            "id": "",
            "class": "message",
            "title": "A message from bob",
            "text": "",
            "path": "/#message-1",
            "tag": "message-1",
            "at": 0,
            "counts": {"message": 1},
            "url": "http://127.0.0.1:7000/#message-1",
        }
        assert await desk.states() == []


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_outlet_that_cannot_is_asked_again_and_no_sooner_than_it_says(
    tmp_path: Path, status: int
) -> None:
    async with receiver() as hook, notifying(tmp_path, webhook_url=hook.url("/x")) as desk:
        await desk.only(WEBHOOK)
        hook.says(status, retry_after="120")
        await desk.message()
        await desk.message("ada")
        await desk.pump()
        await desk.pump(119)
        assert len(hook.got) == 1
        hook.says(200)
        await desk.pump(1)
        await desk.pump()
        assert [each.json["title"] for each in hook.got] == [
            "A message from bob",
            "A message from bob",
            "A message from ada",
        ]


async def test_what_is_refused_or_fails_for_a_day_is_given_up_shown_and_can_be_sent_again(
    tmp_path: Path,
) -> None:
    async with receiver() as hook, notifying(tmp_path, webhook_url=hook.url("/x")) as desk:
        await desk.only(WEBHOOK)
        hook.says(400)
        await desk.message()
        await desk.pump()
        assert await desk.states() == [(WEBHOOK, "given_up", 1)]
        hook.says(500)
        await desk.message("ada")
        while (await desk.states())[-1][1] == "waiting" or len(await desk.states()) < 2:
            await desk.pump(1800)
        assert desk.clock() > 1_000_000 + GIVE_UP_S
        rows = (await desk.mine.report()).deliveries
        assert [row.answer.split(":")[0] for row in rows if row.answer] == [
            f"given up after {rows[0].attempts} tries",
            "refused with status 400",
        ]
        hook.says(200)
        await desk.mine.resend(rows[1].id)
        await desk.pump()
        assert hook.got[-1].json["id"] == hook.got[0].json["id"]
        with pytest.raises(NotFound, match="was given up"):
            await desk.mine.resend(rows[1].id)


async def test_a_webhook_that_sends_elsewhere_is_not_followed(tmp_path: Path) -> None:
    async with (
        receiver() as elsewhere,
        receiver() as hook,
        notifying(tmp_path, webhook_url=hook.url("/x")) as desk,
    ):
        await desk.only(WEBHOOK)
        hook.says(307, location=elsewhere.url("/y"))
        await desk.message()
        await desk.pump()
        assert elsewhere.got == []
        (row,) = (await desk.mine.report()).deliveries
        assert row.answer == "status 307: it sends elsewhere, which is not followed"


async def test_an_outlet_that_hangs_is_left_at_its_deadline(tmp_path: Path) -> None:
    async with (
        receiver() as hook,
        notifying(tmp_path, deadline_s=0.2, webhook_url=hook.url("/x")) as desk,
    ):
        await desk.only(WEBHOOK)
        hook.says(HANGS)
        await desk.message()
        await desk.pump()
        (row,) = (await desk.mine.report()).deliveries
        assert (row.state, row.attempts) == ("waiting", 1)
        assert "did not answer within 0.2 s" in (row.answer or "")


async def test_what_waits_for_an_outlet_that_is_down_stays_bounded(tmp_path: Path) -> None:
    async with receiver() as hook, notifying(tmp_path, webhook_url=hook.url("/x")) as desk:
        await desk.only(WEBHOOK)
        hook.says(503)
        for number in range(60):
            await desk.message(body=str(number))
            await desk.message("ada")
            await desk.pump(GAP_S)
        assert len(await desk.states()) == 3
        hook.says(200)
        before = len(hook.got)
        for _ in range(4):
            await desk.pump(3600)
        assert [each.json["counts"]["message"] for each in hook.got[before:]] == [1, 60, 59]


async def test_ntfy_gets_title_priority_tags_and_a_click(tmp_path: Path) -> None:
    async with receiver() as server, notifying(tmp_path, ntfy_url=server.url("/a/topic")) as desk:
        await desk.only(NTFY)
        server.says(200)
        await desk.approval()
        await desk.pump()
        (got,) = server.got
        assert got.path == "/a/"
        assert got.headers["authorization"] == f"Bearer {TOKEN}"
        assert got.json == {
            "topic": "topic",
            "title": "An approval waits: cy",
            "message": "An approval waits: cy",
            "priority": 4,
            "tags": ["ballot_box_with_check"],
            "click": "http://127.0.0.1:7000/#approval-1",
        }


async def test_a_push_reaches_its_browser_alone_and_nobody_on_the_way_reads_it(
    tmp_path: Path,
) -> None:
    async with receiver() as service, notifying(tmp_path) as desk:
        await desk.only(PUSH)
        phone = Browser()
        await subscribed(desk, phone, service.url("/for/phone"))
        await desk.message(body="the night was calm")
        await desk.pump()
        (got,) = service.got
        assert got.path == "/for/phone"
        assert b"calm" not in got.body
        read = phone.read(got.body)
        assert (read["title"], read["text"]) == ("A message from bob", "the night was calm")
        assert (read["path"], read["tag"]) == ("/#message-1", "message-1")
        assert got.headers["content-encoding"] == "aes128gcm"
        assert (got.headers["ttl"], got.headers["urgency"]) == ("86400", "normal")
        token, key = got.headers["authorization"].removeprefix("vapid t=").split(", k=")
        assert key == await desk.mine.outlets.public_key()
        claims = unb64(token.split(".")[1])
        assert f'"aud":"http://127.0.0.1:{service.port}"'.encode() in claims


async def test_the_key_of_push_is_made_once_and_is_the_daemons_own(tmp_path: Path) -> None:
    async with notifying(tmp_path) as desk:
        key = await desk.mine.outlets.public_key()
        file = tmp_path / "state/push-key"
        assert file.stat().st_mode & 0o777 == 0o600
        assert len(unb64(key)) == 65
    async with notifying(tmp_path) as desk:
        assert await desk.mine.outlets.public_key() == key


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_no_more_is_dropped_and_that_is_said(
    tmp_path: Path, status: int
) -> None:
    async with receiver() as service, notifying(tmp_path) as desk:
        await desk.only(PUSH)
        await subscribed(desk, Browser(), service.url("/1"))
        await subscribed(desk, Browser(), service.url("/2"), "laptop")
        service.says(status, 201)
        await desk.message()
        await desk.pump()
        report = await desk.mine.report()
        assert [each.label for each in report.subscriptions] == ["laptop"]
        assert report.outlets[1].answer == (
            f"phone is no longer pushed to: refused with status {status}"
        )
        assert report.subscriptions[0].answer == "accepted with status 201"


async def test_a_browser_that_subscribes_again_is_the_same_browser(tmp_path: Path) -> None:
    async with notifying(tmp_path) as desk:
        first = await subscribed(desk, Browser(), "https://push.example/1")
        assert await subscribed(desk, Browser(), "https://push.example/1", "tablet") == first
        await desk.mine.unsubscribe(first)
        with pytest.raises(NotFound):
            await desk.mine.unsubscribe(first)


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "http://push.example/1"},
        {"endpoint": "https://user@push.example/1"},
        {"endpoint": "https://push.example:99999/1"},
        {"endpoint": "https://push.example/" + "x" * 2000},
        {"endpoint": "file:///etc/passwd"},
        {"p256dh": "AAAA"},
        {"auth": "AAAA"},
    ],
)
async def test_a_subscription_that_no_browser_gives_is_refused(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    given = {**Browser().given("https://push.example/1"), **wrong}
    async with notifying(tmp_path) as desk:
        with pytest.raises(BadRequest):
            await desk.mine.subscribe(NewSubscription(**given))


async def test_a_test_shows_what_the_outlet_said(tmp_path: Path) -> None:
    async with receiver() as hook, notifying(tmp_path, webhook_url=hook.url("/x")) as desk:
        hook.says(202)
        (tested,) = await desk.mine.test(WEBHOOK)
        assert (tested.is_accepted, tested.answer) == (True, "accepted with status 202")
        assert hook.got[0].json["class"] == "test"
        hook.says(401)
        (tested,) = await desk.mine.test(WEBHOOK)
        assert (tested.is_accepted, tested.answer) == (False, "refused with status 401")
        (outlet,) = [row for row in (await desk.mine.report()).outlets if row.name == WEBHOOK]
        assert (outlet.where, outlet.answer) == (f"127.0.0.1:{hook.port}", tested.answer)


async def test_a_test_of_what_is_not_there_says_what_has_to_be_done(tmp_path: Path) -> None:
    async with notifying(tmp_path) as desk:
        with pytest.raises(Conflict, match="set ntfy_url"):
            await desk.mine.test(NTFY)
        with pytest.raises(Conflict, match="enable it on the dashboard"):
            await desk.mine.test(PUSH)
        with pytest.raises(NotFound, match="there are browser, push"):
            await desk.mine.test("pigeon")


async def test_neither_secret_nor_token_nor_topic_is_in_what_is_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        receiver() as hook,
        notifying(
            tmp_path, webhook_url=hook.url("/hook-path"), ntfy_url=hook.url("/topic-name")
        ) as desk,
    ):
        hook.says(500)
        await desk.message()
        await desk.pump()
        shown = str(await desk.mine.report()) + caplog.text
        for secret in (SECRET, TOKEN, "hook-path", "topic-name"):
            assert secret not in shown


async def test_a_killed_daemon_leaves_what_happened_to_the_next(tmp_path: Path) -> None:
    """At each of the places where it can be killed: before routing, behind it, in a try."""
    async with receiver() as hook, notifying(tmp_path, webhook_url=hook.url("/x")) as desk:
        await desk.only(WEBHOOK)
        await desk.message()
        clock = desk.clock
    async with receiver() as hook, notifying(tmp_path, clock, webhook_url=hook.url("/x")) as desk:
        await desk.mine.route()
    async with receiver() as hook, notifying(tmp_path, clock, webhook_url=hook.url("/x")) as desk:
        hook.says(HANGS)
        (due,) = await desk.mine.store.due(clock())
        with trio.move_on_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(desk.mine.attempt, due)
                first = await hook.wait(1)
                nursery.cancel_scope.cancel()
        assert await desk.mine.store.due(clock()) == []
    async with receiver() as hook, notifying(tmp_path, clock, webhook_url=hook.url("/x")) as desk:
        await desk.pump(60)
        assert hook.got[0].json["id"] == first.json["id"]
        await desk.pump(86400)
        assert len(hook.got) == 1


async def test_settings_outlive_the_daemon_and_are_checked(tmp_path: Path) -> None:
    async with notifying(tmp_path) as desk:
        await desk.only(WEBHOOK, quiet=Quiet(is_on=True, zone="Europe/Berlin"))
        kept = desk.mine.settings
        with pytest.raises(BadRequest, match="knows no time zone"):
            await desk.only(quiet=Quiet(zone="Nowhere/At_all"))
    async with notifying(tmp_path) as desk:
        assert desk.mine.settings == kept


async def test_whoever_is_killed_whenever_every_message_is_told_of_once_by_its_id(
    tmp_path: Path,
) -> None:
    """An outlet that gets the same id twice has the same notification in hands."""
    stored: set[int] = set()
    async with receiver() as hook:
        hook.says(*[500, 200] * 500)
        url = hook.url("/x")
        for round_, count in enumerate((3, 150, 400)):
            stored |= await _told_until_killed(tmp_path, url, 1e6 * (round_ + 1), count)
        async with notifying(tmp_path, HandClock(9e6), webhook_url=url) as desk:
            hook.says(200)
            while await desk.mine.store.due(1e9):
                await desk.pump(3600)
            rows = await desk.post.broker.recent("operator", 100_000)
        told = {each.json["id"]: each.json["counts"]["message"] for each in hook.got}
        assert stored <= {row.id for row in rows}
        assert sum(told.values()) == len(rows)


async def _told_until_killed(directory: Path, url: str, now: float, count: int) -> set[int]:
    """Let a child send and notify, kill it after `count` answers; return every id it answered."""
    command = [sys.executable, "-m", "tests.integration.notifying_child", str(directory), url]
    child = await trio.lowlevel.open_process([*command, str(now)], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    said = b""
    with trio.fail_after(60):
        async with child.stdout:
            while said.count(b"\n") < count:
                more = await child.stdout.receive_some()
                assert more, "the child ended by itself"
                said += more
            child.kill()
            async for more in child.stdout:
                said += more
        await child.wait()
    return {int(line) for line in said.split(b"\n")[:-1]}


async def test_a_whole_daemon_tells_and_an_outlet_that_hangs_holds_up_no_other(
    short_tmp: Path,
) -> None:
    secret = short_tmp / "secret"
    secret.write_text(SECRET)
    async with receiver() as hook, receiver() as server:
        hook.says(HANGS)
        server.says(200)
        outlets = {
            "webhook_url": hook.url("/x"),
            "webhook_secret_file": str(secret),
            "ntfy_url": server.url("/topic"),
        }
        async with running(short_tmp, **outlets) as daemon:
            await daemon.operator("spawn", name="bob")
            await daemon.agent("bob", "send", to="operator", body="hello")
            await daemon.agent("bob", "ask", question="tea?")
            await hook.wait(1)
            await server.wait(2)
            assert len(hook.got) == 1
            assert {each.json["title"] for each in server.got[:2]} == {
                "A message from bob",
                "bob asks",
            }
            reply = await daemon.operator("test_notifications", outlet="ntfy")
            assert reply["tested"][0]["answer"] == "accepted with status 200"
            report = (await daemon.operator("notifications"))["notifications"]
            waiting = {row["outlet"] for row in report["deliveries"] if row["state"] == "waiting"}
            assert waiting == {"webhook"}


async def test_no_agent_can_test_or_change_an_outlet(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="bob")
        for name in ("bob", "manager"):
            for cmd in ("notifications", "test_notifications", "resend_notification"):
                reply = await daemon.agent(name, cmd, outlet="browser")
                assert (reply["kind"], reply["code"]) == ("error", "bad_request"), cmd
