import assert from "node:assert/strict";
import test from "node:test";

import { closedBy, filtersOf, fits, howOf, inOrder, timeLeft } from "../../hive/web/assets/dashboard/question_words.js";

const ask = (id, asker, target = null, more = {}) => ({ id, asker, target, asked_at: 0, deadline_at: null, ...more });
const open = [ask(1, "alice"), ask(2, "bob", "alice"), ask(3, "bob", "operator")];

test("every filter says how many questions it shows", () => {
  assert.deepEqual(filtersOf(open, "all").map(({ filter, count }) => `${filter} ${count}`), [
    "all 3", "@operator 2", "@peer 1", "alice 2", "bob 2",
  ]);
});

test("a chosen name stays when nothing concerns it any more", () => {
  assert.deepEqual(filtersOf([], "carol").at(-1), { filter: "carol", count: 0 });
  assert.equal(filtersOf([], "all").length, 3);
});

test("a participant is who asks and who is asked", () => {
  assert.deepEqual(open.filter((one) => fits(one, "alice")).map((one) => one.id), [1, 2]);
  assert.deepEqual(open.filter((one) => fits(one, "@peer")).map((one) => one.id), [2]);
});

test("what is left of the time counts in seconds, minutes and hours, and is urgent at its end", () => {
  const one = ask(1, "alice", null, { deadline_at: 100000 });
  const left = (seconds) => timeLeft(one, 100000 - seconds);
  assert.deepEqual(left(90061), { text: "25h 01m left", isUrgent: false });
  assert.deepEqual(left(7260), { text: "2h 01m left", isUrgent: false });
  assert.deepEqual(left(600), { text: "10m 00s left", isUrgent: true });
  assert.deepEqual(left(9), { text: "9s left", isUrgent: true });
  assert.deepEqual(left(-3), { text: "time is up", isUrgent: true });
  assert.equal(timeLeft({ ...one, asked_at: 99800 }, 99930).isUrgent, false);
});

test("a closed question says how and by whom", () => {
  assert.deepEqual(howOf(ask(1, "a", "b", { how: "overridden" })), ["✎ overridden", "mauve"]);
  assert.equal(closedBy(ask(1, "a", "b", { how: "expired", answerer: "ttl-watchdog" })), "nobody in time");
  assert.equal(closedBy(ask(1, "a", "b", { how: "overridden", answerer: "operator" })), "the operator");
  assert.equal(closedBy(ask(1, "a", "b", { how: "answered", answerer: "b" })), "b");
});

test("closed questions stand once, the last closed first", () => {
  const rows = [ask(1, "a", null, { answered_at: 5 }), ask(2, "a", null, { answered_at: 9 }), ask(3, "a", null, { answered_at: 5 })];
  assert.deepEqual(inOrder([...rows, rows[0]]).map((one) => one.id), [2, 3, 1]);
});
