import assert from "node:assert/strict";
import test from "node:test";

import { scene } from "./fake_live.js";

test("the stream is joined before the snapshot is asked for", () => {
  const it = scene();
  it.live.start();
  assert.equal(it.gets.length, 0);
  it.stream.open();
  assert.equal(it.gets.length, 1);
});

test("frames that arrive during the snapshot are applied after it, without those it holds", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  it.stream.frame(4);
  it.stream.frame(5);
  it.stream.frame(6);
  assert.deepEqual(it.applied, []);
  await it.answer({ seq: 5 });
  assert.deepEqual(it.applied, [6]);
  it.stream.frame(7);
  it.stream.frame(7);
  assert.deepEqual(it.applied, [6, 7]);
});

test("a resumed stream fetches nothing again", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  await it.answer({ seq: 5 });
  it.stream.frame(6);
  it.stream.breakOff(0);
  assert.equal(it.statuses.at(-1)[0], "retrying");
  it.stream.open();
  it.stream.frame(6);
  it.stream.frame(7);
  assert.equal(it.gets.length, 0);
  assert.deepEqual(it.applied, [6, 7]);
  assert.equal(it.statuses.at(-1)[0], "live");
});

test("a stream that broke before its first number takes a new snapshot", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  await it.answer({ seq: 5 });
  it.stream.breakOff(0);
  it.stream.open();
  assert.equal(it.gets.length, 1);
});

test("a reset takes a new snapshot, whose number may be lower", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  await it.answer({ seq: 900 });
  it.stream.reset();
  it.stream.frame(3);
  await it.answer({ seq: 2 });
  assert.deepEqual(it.applied, [3]);
});

test("a snapshot overtaken by a reset is thrown away", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  it.stream.reset();
  await it.answer({ seq: 5, which: "old" });
  assert.deepEqual(it.taken, []);
  await it.answer({ seq: 8, which: "new" });
  assert.deepEqual(it.taken, [["state", { seq: 8, which: "new" }]]);
});

test("a closed stream is made anew, later each time, and explains itself", async () => {
  const it = scene();
  it.live.start();
  it.stream.breakOff(2);
  await it.fail(Object.assign(new Error("alice is not running: start it"), { status: 503 }));
  assert.deepEqual(it.statuses.at(-1), ["retrying", "alice is not running: start it"]);
  it.timers.shift().then();
  assert.equal(it.streams.length, 2);
  it.stream.breakOff(2);
  assert.equal(it.timers[0].ms, 2000);
});

test("an agent that is not there yet is asked for again soon", async () => {
  const it = scene();
  it.live.start();
  for (const _ of [1, 2, 3]) {
    it.stream.breakOff(2);
    await it.fail(Object.assign(new Error("alice is coming up"), { status: 503, code: "coming_up" }));
    const timer = it.timers.pop();
    assert.equal(timer.ms, 1000);
    timer.then();
  }
});

test("a stream that stays broken is explained after a while, a blink is not", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  await it.answer({ seq: 1 });
  it.stream.frame(2);
  it.stream.breakOff(0);
  it.stream.breakOff(0);
  assert.equal(it.timers.length, 1);
  it.timers.shift().then();
  await it.fail(Object.assign(new Error("The hive cannot be reached."), { status: 0 }));
  assert.deepEqual(it.statuses.at(-1), ["retrying", "The hive cannot be reached."]);
  it.stream.open();
  it.stream.breakOff(0);
  it.stream.readyState = 1;
  it.timers.shift().then();
  assert.equal(it.gets.length, 0);
});

test("a login that ended is told apart", async () => {
  const it = scene();
  it.live.start();
  it.stream.breakOff(2);
  await it.fail(Object.assign(new Error("log in"), { status: 401 }));
  assert.deepEqual(it.statuses.at(-1), ["logged_out", "log in"]);
});

test("a snapshot that fails is tried again with a stream of its own", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  await it.fail(new Error("no"));
  it.timers.shift().then();
  it.stream.open();
  await it.answer({ seq: 1 });
  assert.equal(it.statuses.at(-1)[0], "live");
});

test("what an abandoned stream still says is not heard", async () => {
  const it = scene();
  it.live.start();
  const old = it.stream;
  old.open();
  await it.answer({ seq: 1 });
  it.live.stop();
  it.live.start();
  it.stream.open();
  await it.answer({ seq: 1 });
  old.frame(2);
  assert.deepEqual(it.applied, []);
});

test("a login that ended is not asked for again until somebody looks", async () => {
  const it = scene();
  it.live.start();
  it.stream.breakOff(2);
  await it.fail(Object.assign(new Error("log in"), { status: 401 }));
  for (const timer of it.timers.splice(0)) timer.then();
  assert.equal(it.streams.length, 1);
  it.live.look();
  assert.equal(it.streams.length, 2);
  it.stream.open();
  await it.answer({ seq: 1 });
  assert.equal(it.statuses.at(-1)[0], "live");
  it.live.stop();
  it.live.look();
  assert.equal(it.streams.length, 2);
});

test("a stream that falls silent is made anew, and so is its snapshot", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  it.stream.awake(15);
  await it.answer({ seq: 1 });
  assert.deepEqual(it.timers.map((timer) => timer.ms), [37500]);
  it.now = 30000;
  it.stream.awake(15);
  it.now = 37500;
  it.timers.shift().then();
  assert.equal(it.streams.length, 1);
  assert.equal(it.timers[0].ms, 30000);
  it.now = 67500;
  it.timers.shift().then();
  assert.equal(it.streams.length, 2);
  assert.equal(it.streams[0].readyState, 2);
  assert.equal(it.statuses.at(-1)[0], "retrying");
  it.stream.open();
  assert.equal(it.gets.length, 1);
});

test("an older harness says the number alone, and nonsense is no sign of life", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  await it.answer({ seq: 1 });
  const nonsense = ["", "x", "{", '"x"', '{"every_s":"x"}', '{"every_s":{}}', "NaN"];
  for (const data of nonsense) it.stream.beat(data);
  assert.equal(it.timers.length, 0);
  it.stream.beat("15");
  it.stream.beat("1e999");
  assert.deepEqual(it.timers.map((timer) => timer.ms), [37500]);
  it.now = 37500;
  it.timers.shift().then();
  assert.equal(it.timers[0].ms, 3600 * 2500 - 37500);
});

test("a stream that never says how often it speaks may be silent", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  await it.answer({ seq: 1 });
  it.now = 1e9;
  it.live.look();
  assert.equal(it.streams.length, 1);
  assert.equal(it.timers.length, 0);
});

test("after a sleep the first look makes a silent stream anew", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  it.stream.awake(15);
  await it.answer({ seq: 1 });
  it.now = 20000;
  it.live.look();
  assert.equal(it.streams.length, 1);
  it.now = 8 * 3600 * 1000;
  it.live.look();
  assert.equal(it.streams.length, 2);
  it.timers.shift().then();
  assert.equal(it.streams.length, 2);
});

test("a wait for the next attempt ends when somebody looks", () => {
  const it = scene();
  it.live.start();
  it.stream.breakOff(2);
  assert.equal(it.streams.length, 1);
  it.live.look();
  assert.equal(it.streams.length, 2);
  it.timers.shift().then();
  assert.equal(it.streams.length, 2);
});

test("a snapshot that comes while the stream is broken does not say that it is live", async () => {
  const it = scene();
  it.live.start();
  it.stream.open();
  it.stream.frame(1);
  it.stream.breakOff(0);
  await it.answer({ seq: 1 });
  assert.equal(it.statuses.at(-1)[0], "retrying");
  it.stream.open();
  assert.equal(it.statuses.at(-1)[0], "live");
});

test("a stream that does not open is tried again on another connection", async () => {
  const it = scene();
  it.live.start();
  it.now = 20000;
  it.guards.shift().then();
  assert.equal(it.streams.length, 2);
  it.stream.open();
  await it.answer({ seq: 1 });
  it.now = 40000;
  it.guards.shift().then();
  assert.equal(it.streams.length, 2);
  assert.equal(it.statuses.at(-1)[0], "live");
});
