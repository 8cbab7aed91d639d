import assert from "node:assert/strict";
import test from "node:test";

import { arranged, isWanted, wordsOf } from "../../hive/web/assets/dashboard/agent_tree.js";

const row = (name, parent = null, more = {}) => ({ name, parent, running: true, turn_state: "idle", why: { word: "idle" }, ...more });
const shape = (rows) => arranged(rows).map(({ row: one, depth }) => `${depth} ${one.name}`);

test("everybody stands below its parent, in the order given", () => {
  const rows = [row("manager"), row("amy", "manager"), row("bob", "cy"), row("cy", "manager"), row("dan", "bob"), row("eve", "manager")];
  assert.deepEqual(shape(rows), ["0 manager", "1 amy", "1 cy", "2 bob", "3 dan", "1 eve"]);
});

test("who has a parent that is gone stands outside, and circles have an end", () => {
  assert.deepEqual(shape([row("amy", "gone"), row("bob", "bob")]), ["0 amy", "0 bob"]);
  assert.deepEqual(shape([row("manager"), row("amy", "cy"), row("bob", "amy"), row("cy", "bob")]), ["0 manager", "0 amy", "1 bob", "2 cy"]);
  const deep = Array.from({ length: 20000 }, (_, n) => row(`a${n}`, n ? `a${n - 1}` : null));
  assert.equal(arranged(deep).at(-1)?.depth, 19999);
});

test("a filter finds agents by name, by state, and those that need the operator", () => {
  const bob = wordsOf(row("bob", "cy", { turn_state: "thinking", why: { word: "thinking" }, active_model: "opus" }), true);
  const amy = wordsOf(row("amy", null, { running: false, paused: true, why: { word: "stopped" } }), false);
  for (const typed of ["bob", "B", "thinking bob", "working", "needs you", "of cy", "opus", " "]) assert.ok(isWanted(bob, typed), typed);
  for (const typed of ["bob", "needs you", "working", "running"]) assert.ok(!isWanted(amy, typed), typed);
  assert.ok(isWanted(amy, "stopped paused"));
});
