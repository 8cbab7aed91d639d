import assert from "node:assert/strict";
import test from "node:test";

import { describeCall, lineDiff, resultText, summarise } from "../../hive/web/assets/agent_page/tool_text.js";

test("a command is shown behind a dollar sign", () => {
  assert.equal(describeCall("Bash", { command: "ls" }).head, "$ ls");
  assert.equal(describeCall("Bash", { command: "ls", run_in_background: true }).head, "$ ls [bg]");
  assert.equal(describeCall("Bash", { command: "a\nb" }).body, "a\nb");
});

test("an edit is a diff of what differs", () => {
  const { head, diff } = describeCall("Edit", { file_path: "/a", old_string: "x\ny\nz", new_string: "x\nq\nz" });
  assert.equal(head, "Edit /a");
  assert.deepEqual(diff, [{ sign: "-", text: "y" }, { sign: "+", text: "q" }]);
});

test("a written file is all new", () => {
  assert.equal(describeCall("Write", { file_path: "/a", content: "x\ny\n" }).diff?.length, 2);
  assert.deepEqual(lineDiff("", "a\nb").map((one) => one.sign), ["+", "+"]);
  assert.deepEqual(lineDiff("a\na", "a"), [{ sign: "-", text: "a" }]);
});

test("hive's own tools show what they say", () => {
  const call = describeCall("mcp__hyperhive__send", { to: "bob", body: "**hi**" });
  assert.deepEqual([call.head, call.markdown, call.open], ["send → bob", "**hi**", true]);
  assert.equal(describeCall("mcp__hyperhive__recv", { wait_seconds: 30, max: 2 }).head, "recv · wait 30s · max 2");
  assert.equal(describeCall("mcp__hyperhive__whoami", {}).head, "whoami");
});

test("any other tool shows its fields, trimmed", () => {
  assert.equal(describeCall("mcp__git__log", { n: 3, path: "a" }).head, 'git · log n: 3 · path: "a"');
  assert.ok(describeCall("Foo", { a: "y".repeat(9999) }).head.length < 220);
});

test("a tool named like a property of objects, or given nothing, harms nobody", () => {
  assert.equal(describeCall("constructor", null).head, "constructor");
  assert.equal(describeCall("mcp__hyperhive__toString", undefined).head, "toString");
  assert.equal(describeCall("Edit", {}).head, "Edit ");
});

test("a result is text whatever its shape", () => {
  assert.equal(resultText("a"), "a");
  assert.equal(resultText("<tool_use_error>no</tool_use_error>"), "no");
  assert.equal(resultText([{ type: "text", text: "a" }, { type: "image" }]), "a\n[image]");
  assert.equal(resultText(undefined), "");
  assert.equal(resultText({ a: 1 }), '{"a":1}');
});

test("a short result is shown whole, a long one by its first line", () => {
  assert.deepEqual(summarise("ok"), { short: "ok" });
  assert.deepEqual(summarise(" \n"), { short: "(nothing)" });
  assert.deepEqual(summarise("first\nsecond\nthird"), { headline: "first", lines: 3 });
});

test("megabytes on one line are summarised at once", () => {
  const about = summarise("x".repeat(3_000_000));
  assert.equal(about.lines, 1);
  assert.ok(about.headline.length <= 90);
});
