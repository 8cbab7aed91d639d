import assert from "node:assert/strict";
import test from "node:test";

import { rereading } from "../../hive/web/assets/shared/rereading.js";
import { settle } from "./fake_live.js";

function scene() {
  const made = { timers: [], reads: [] };
  const read = () => new Promise((resolve, reject) => made.reads.push({ resolve, reject }));
  made.ask = rereading(150, read, (ms, then) => made.timers.push({ ms, then }));
  return made;
}

test("a burst is one read, and what comes during it one more behind it", async () => {
  const it = scene();
  it.ask();
  it.ask();
  assert.equal(it.timers.length, 1);
  it.timers.shift().then();
  it.ask();
  it.ask();
  assert.equal(it.timers.length, 0);
  it.reads.shift().resolve();
  await settle();
  assert.deepEqual(it.timers.map((timer) => timer.ms), [150]);
  it.timers.shift().then();
  it.reads.shift().resolve();
  await settle();
  assert.equal(it.timers.length, 0);
});

test("a read that fails is tried again until it works, later each time", async () => {
  const it = scene();
  it.ask();
  it.timers.shift().then();
  for (const ms of [1000, 2000, 4000]) {
    it.reads.shift().reject(new Error("no"));
    await settle();
    assert.deepEqual(it.timers.map((timer) => timer.ms), [ms]);
    it.timers.shift().then();
  }
  it.reads.shift().resolve();
  await settle();
  assert.equal(it.timers.length, 0);
});
