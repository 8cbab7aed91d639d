import assert from "node:assert/strict";
import test from "node:test";

import { fitting, meant, stepped } from "../../hive/web/assets/shared/command_match.js";

const COMMANDS = [
  { name: "Go to Containers", where: "" },
  { name: "Restart alice", where: "Containers · alice" },
  { name: "Write to alice", where: "Containers · alice" },
  { name: "Approve the commit of bob", where: "Pending approvals" },
  { name: "Prestart", where: "" },
];
const names = (typed) => fitting(COMMANDS, typed).map(({ name }) => name);

test("without a word every command is there, in the page's own order", () => {
  assert.deepEqual(names("  "), COMMANDS.map(({ name }) => name));
});

test("every word has to fit, in any order, and beginnings come first", () => {
  assert.deepEqual(names("alice rest"), ["Restart alice"]);
  assert.deepEqual(names("start"), ["Restart alice", "Prestart"]);
  assert.deepEqual(names("restart"), ["Restart alice", "Prestart"]);
  assert.deepEqual(names("containers"), ["Go to Containers", "Restart alice", "Write to alice"]);
  assert.deepEqual(names("alice nothing"), []);
});

const stroke = (key, fields = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, ...fields });
const free = { isWriting: false, isOff: false };

test("Ctrl+K opens the palette anywhere, a colon only outside of fields", () => {
  for (const how of [{ ctrlKey: true }, { metaKey: true }]) {
    assert.equal(meant(stroke("k", how), { isWriting: true, isOff: true }), "palette");
  }
  assert.equal(meant(stroke(":"), free), "palette");
  assert.equal(meant(stroke(":"), { ...free, isWriting: true }), null);
  assert.equal(meant(stroke("k", { ctrlKey: true, altKey: true }), free), null);
});

test("single keys act only outside of fields, alone, and while they are switched on", () => {
  assert.equal(meant(stroke("a"), free), "a");
  assert.equal(meant(stroke("a"), { ...free, isOff: true }), null);
  assert.equal(meant(stroke(":"), { ...free, isOff: true }), null);
  assert.equal(meant(stroke("a"), { ...free, isWriting: true }), null);
  assert.equal(meant(stroke("a", { isComposing: true }), free), null);
  for (const how of ["ctrlKey", "metaKey", "altKey"]) assert.equal(meant(stroke("a", { [how]: true }), free), null);
  assert.equal(meant(stroke("Enter"), free), null);
});

test("steps go around the ends", () => {
  assert.deepEqual([stepped(-1, 1, 3), stepped(-1, -1, 3), stepped(2, 1, 3), stepped(0, -1, 3)], [0, 2, 0, 2]);
  assert.equal(stepped(-1, 1, 0), -1);
});
