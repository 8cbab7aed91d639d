import assert from "node:assert/strict";
import test from "node:test";

const kept = new Map();
globalThis.localStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
};
const { draftOf, draftsBelow, keepDraft } = await import("../../hive/web/assets/shared/drafts.js");

test("a draft is there until it is sent, and nothing is left of the last one", () => {
  keepDraft("message", "half");
  keepDraft("message", "half a thought");
  assert.equal(draftOf("message"), "half a thought");
  keepDraft("message", "");
  assert.equal(draftOf("message"), "");
  assert.equal(kept.size, 0);
});

test("of many drafts those stay that were touched last, each under its own name", () => {
  for (let at = 0; at < 60; at += 1) keepDraft(`comment 8 ${at}`, "x");
  keepDraft("comment 8 10", "touched");
  keepDraft("deny 3", "no");
  assert.equal(draftsBelow("comment 8 ").length, 49);
  assert.equal(draftOf("comment 8 10"), "touched");
  assert.equal(draftOf("comment 8 11"), "");
  assert.deepEqual(draftsBelow("deny "), ["3"]);
});

test("what somebody else wrote there is no draft", () => {
  for (const odd of ["{", "{}", "[1, [2, 3], [\"a\"]]", "null"]) {
    kept.set("hive-drafts", odd);
    assert.equal(draftOf("a"), "");
    assert.deepEqual(draftsBelow(""), []);
  }
});
