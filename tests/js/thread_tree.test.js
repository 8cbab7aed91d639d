import assert from "node:assert/strict";
import test from "node:test";

import { branches, parties, threadIn } from "../../hive/web/assets/dashboard/thread_tree.js";

const say = (id, in_reply_to = null, from = "alice", to = "bob") => ({ id, from, to, in_reply_to, origin: "peer" });
const drawn = (rows, folded = []) =>
  branches(rows, new Set(folded)).map((one) => `${">".repeat(one.depth)}${one.message.id}${one.isApart ? "^" : ""}`);

test("whoever only answers the other goes straight down", () => {
  assert.deepEqual(drawn([say(3, 2), say(1), say(2, 1)]), ["1", "2", "3"]);
});

test("several answers step to the right, and what follows each stands below it", () => {
  const rows = [say(1), say(2, 1), say(3, 1), say(4, 2), say(5, 3)];
  assert.deepEqual(drawn(rows), ["1", ">2", ">4", ">3^", ">5"]);
});

test("folded answers are counted and not drawn", () => {
  const rows = [say(1), say(2, 1), say(3, 1), say(4, 2)];
  assert.deepEqual(drawn(rows, [2]), ["1", ">2", ">3^"]);
  assert.deepEqual(branches(rows, new Set([2])).map((one) => one.below), [3, 1, 0]);
});

test("a message whose parent was dropped begins for itself", () => {
  assert.deepEqual(drawn([say(7, 3), say(8, 7)]), ["7", "8"]);
});

test("a thread of many thousands, deep or wide, is walked once", () => {
  const size = 20000;
  const deep = Array.from({ length: size }, (_, at) => say(at + 1, at || null));
  const wide = Array.from({ length: size }, (_, at) => say(at + 1, at ? 1 : null));
  assert.equal(branches(deep, new Set()).length, size);
  assert.equal(branches(deep, new Set())[0].below, size - 1);
  assert.equal(branches(wide, new Set()).length, size);
  assert.equal(branches(wide, new Set())[size - 1].depth, 1);
});

test("an answer goes to who wrote the message, and to whom it went on request", () => {
  const names = ["manager", "alice", "bob"];
  assert.deepEqual(parties(say(1), names), [{ name: "alice", isMeant: true }, { name: "bob", isMeant: false }]);
  assert.deepEqual(parties(say(1, null, "operator", "bob"), names), [{ name: "bob", isMeant: true }]);
  assert.deepEqual(parties(say(1, null, "system", "gone"), names), []);
  assert.deepEqual(parties({ ...say(1), origin: "external" }, names), [{ name: "bob", isMeant: true }]);
});

test("an address names a thread by one of its messages", () => {
  assert.equal(threadIn("#thread-42"), 42);
  assert.equal(threadIn("#message-42"), null);
  assert.equal(threadIn("#thread-x"), null);
});
