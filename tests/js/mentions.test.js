import assert from "node:assert/strict";
import test from "node:test";

import { addressed, completed, offered, spoken, written } from "../../hive/web/assets/dashboard/mentions.js";

const names = ["manager", "bob", "carol", "*"];

test("every name at the start gets the message, each once", () => {
  assert.deepEqual(addressed("@bob @carol @bob compare\nnotes", names), { to: ["bob", "carol"], body: "compare\nnotes", odd: null });
  assert.deepEqual(addressed("@bob, @carol: hello", names), { to: ["bob", "carol"], body: "hello", odd: null });
  assert.deepEqual(addressed("@bob", names), { to: ["bob"], body: "", odd: null });
  assert.equal(addressed("hello @bob", names), null);
  assert.equal(addressed("@nobody hello", names), null);
});

test("a name that nobody has stays in the text and is told", () => {
  assert.deepEqual(addressed("@bob @nobdy hello", names), { to: ["bob"], body: "@nobdy hello", odd: "nobdy" });
});

test("everybody takes whoever is named beside it in", () => {
  assert.deepEqual(addressed("@bob @* hello", names)?.to, ["*"]);
});

test("a name is offered at the start and behind other names only", () => {
  assert.deepEqual(offered("@", names), names);
  assert.deepEqual(offered("@c", names), ["carol"]);
  assert.deepEqual(offered("@bob @", names), ["manager", "carol"]);
  assert.equal(offered("@bob hello @c", names), null);
  assert.equal(offered("@bob @x", names), null);
  assert.equal(offered("mail@b", names), null);
  assert.equal(offered("", names), null);
});

test("completing a name leaves what stands around it", () => {
  assert.deepEqual(completed("@bob @ca and text", 8, "carol"), { text: "@bob @carol and text", caret: 12 });
  assert.deepEqual(completed("@b", 2, "bob"), { text: "@bob ", caret: 5 });
});

test("recipients are spoken, and written as they would be typed", () => {
  assert.equal(spoken(["bob"]), "bob");
  assert.equal(spoken(["bob", "carol", "manager"]), "bob, carol and manager");
  assert.equal(spoken(["*"]), "everybody");
  assert.equal(written(["bob", "carol"], "hi"), "@bob @carol hi");
});
