import assert from "node:assert/strict";
import test from "node:test";

import { older } from "../../hive/web/assets/dashboard/decided_rows.js";
import { isChange, marksOf, pairsOf } from "../../hive/web/assets/dashboard/diff_marks.js";
import { nothing, reduce } from "../../hive/web/assets/dashboard/state.js";
import { diffArrays } from "../../hive/web/assets/vendor/diff/libesm/diff/array.js";

const line = (kind, text) => ({ kind, text });
const marked = (parts) => parts.map((part) => (part.isMarked ? `<${part.text}>` : part.text)).join("");

test("what is gone stands beside what came in its place, and the rest beside nothing", () => {
  const lines = [
    line("hunk", "@@"), line("same", "a"), line("del", "b"), line("del", "c"), line("add", "B"),
    line("same", "d"), line("add", "e"), line("del", "f"),
  ];
  const pairs = pairsOf(lines).map(({ left, right }) => [left?.text ?? null, right?.text ?? null]);
  assert.deepEqual(pairs, [["@@", "@@"], ["a", "a"], ["b", "B"], ["c", null], ["d", "d"], [null, "e"], ["f", null]]);
  assert.deepEqual(pairsOf(lines).map(isChange), [false, false, true, false, false, false, false]);
  assert.deepEqual(pairsOf([]), []);
});

test("the words that differ are marked, and nothing where the lines are others", () => {
  const found = marksOf('packages = ["git"]', 'packages = ["git", "rg"]', diffArrays);
  assert.equal(marked(found.before), 'packages = ["git"]');
  assert.equal(marked(found.after), 'packages = ["git"<, "rg">]');
  assert.equal(found.after.map((part) => part.text).join(""), 'packages = ["git", "rg"]');
  assert.equal(marksOf("one two three", "vier fuenf sechs", diffArrays), null);
  assert.equal(marksOf("x".repeat(401), "x", diffArrays), null);
  assert.equal(marksOf("a b ".repeat(90), "c d ".repeat(90), diffArrays), null);
});

test("the history is whole, each once as it is known last, and as narrow as it is wanted", () => {
  const one = (id, agent, status, at) => ({ id, agent, status, resolved_at: at });
  const newest = [one(9, "bob", "failed", 90), one(8, "eve", "denied", 80)];
  const read = [one(9, "bob", "approved", 70), one(3, "bob", "denied", 80), one(2, "bob", "denied", 20)];
  const ids = (...how) => older(newest, read, ...how).map((row) => `${row.id} ${row.status}`);
  assert.deepEqual(ids("", ""), ["9 failed", "8 denied", "3 denied", "2 denied"]);
  assert.deepEqual(ids("bob", "denied"), ["3 denied", "2 denied"]);
  assert.deepEqual(ids("zoe", ""), []);
});

test("how many comments wait with an approval follows its frames", () => {
  const state = nothing();
  reduce(state, { kind: "approval_added", seq: 1, approval: { id: 7, comments: 0 } });
  reduce(state, { kind: "comments_changed", seq: 2, approval_id: 7, count: 3 });
  reduce(state, { kind: "comments_changed", seq: 3, approval_id: 8, count: 1 });
  assert.deepEqual(state.approvals, [{ id: 7, comments: 3 }]);
});
