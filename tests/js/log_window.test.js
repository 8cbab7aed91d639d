import assert from "node:assert/strict";
import test from "node:test";

import { LogWindow } from "../../hive/web/assets/shared/log_window.js";

const range = (from, to) => Array.from({ length: to - from }, (_, n) => from + n);

test("a number is shown once", () => {
  const log = new LogWindow(10);
  assert.equal(log.admit(5), true);
  assert.equal(log.admit(5), false);
  assert.equal(log.admit(4), false);
});

test("the oldest leave in batches once the window is over-full", () => {
  const log = new LogWindow(100);
  log.take(range(0, 110));
  assert.equal(log.trimOldest(), 0);
  log.admit(110);
  assert.equal(log.trimOldest(), 11);
  assert.equal(log.shown[0], 11);
});

test("a history that joins what is shown only adds what is new", () => {
  const log = new LogWindow(100);
  log.take(range(0, 5));
  assert.deepEqual(log.take(range(3, 8)), { restart: false, fresh: [5, 6, 7] });
});

test("a history with a gap before it starts anew", () => {
  const log = new LogWindow(100);
  log.take(range(0, 5));
  assert.deepEqual(log.take(range(50, 52)), { restart: true, fresh: [50, 51] });
  assert.deepEqual(log.shown, [50, 51]);
});

test("a history of a hive that began anew with lower numbers replaces what is shown", () => {
  const log = new LogWindow(100);
  log.take(range(500, 505));
  assert.deepEqual(log.take([]), { restart: true, fresh: [] });
  assert.equal(log.admit(3), true);
});

test("older rows go before the rest, each once", () => {
  const log = new LogWindow(100);
  log.take(range(10, 12));
  assert.deepEqual(log.prepend(range(7, 12)), [7, 8, 9]);
  assert.deepEqual(log.shown, range(7, 12));
});

test("who reads far back lets the newest go, and the live ones are counted", () => {
  const log = new LogWindow(10);
  log.take(range(100, 110));
  log.prepend(range(80, 100));
  assert.equal(log.trimNewest(), 20);
  assert.equal(log.detached, true);
  assert.equal(log.admit(110), false);
  assert.equal(log.missed, 1);
  const { restart, fresh } = log.take(range(101, 111));
  assert.equal(restart, true);
  assert.equal(fresh.length, 10);
  assert.equal(log.detached, false);
});

test("ten thousand live rows keep the window small", () => {
  const log = new LogWindow(500);
  for (const seq of range(0, 10000)) {
    log.admit(seq);
    log.trimOldest();
  }
  assert.ok(log.shown.length <= 551);
  assert.equal(log.shown.at(-1), 9999);
});

test("a part of the history is shown instead, and read on from to the newest", () => {
  const window = new LogWindow(10);
  window.take([91, 92, 93]);
  window.show([10, 11, 12]);
  assert.ok(window.detached);
  assert.equal(window.admit(94), false);
  assert.deepEqual(window.append([12, 13]), [13]);
  assert.ok(window.detached);
  window.append([91, 92, 93, 94]);
  assert.ok(!window.detached);
  assert.equal(window.admit(95), true);
});

test("who reads above is not moved by a history that was read anew", () => {
  const window = new LogWindow(10);
  window.take([91, 92]);
  window.show([10, 11]);
  window.saw(120);
  assert.ok(window.detached);
  assert.equal(window.admit(120), false);
  assert.deepEqual(window.shown, [10, 11]);
});

test("what comes late goes to its place, once, and never where something is missing", () => {
  const log = new LogWindow(4);
  log.take([2, 5]);
  assert.equal(log.insert(4), 5);
  assert.equal(log.insert(4), null);
  assert.equal(log.insert(9), null);
  assert.equal(log.insert(1), 2);
  assert.deepEqual(log.shown, [1, 2, 4, 5]);
  assert.equal(log.insert(0), null);
});
