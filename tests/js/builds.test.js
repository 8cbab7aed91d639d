import assert from "node:assert/strict";
import test from "node:test";

import { filesOf, hunkOf, summaryOf } from "../../hive/web/assets/dashboard/diff_text.js";
import { splitAt } from "../../hive/web/assets/dashboard/file_refs.js";
import { LogTail } from "../../hive/web/assets/dashboard/log_tail.js";
import { inTree, whomOf } from "../../hive/web/assets/dashboard/meta_inputs.js";
import { dueText } from "../../hive/web/assets/dashboard/reminders.js";
import { jobsOf, nothing, reduce } from "../../hive/web/assets/dashboard/state.js";
import { approvalTitle, inputsOf, jobTitle, shortSha } from "../../hive/web/assets/dashboard/words.js";
import { partsOf } from "../../hive/web/assets/shared/odd.js";

const job = (id, state, more = {}) => ({ id, kind: "rebuild", agent: "bob", state, args: {}, ended_at: null, ...more });

test("a diff is cut into files, and nothing a file says begins another", () => {
  const text = [
    "diff --git a/x.toml b/y.toml", "old mode 100644", "new mode 100755", "index 1..2 100644", "--- a/x.toml", "+++ b/y.toml",
    "@@ -7,2 +7,5 @@ [mcp_servers.x]", " same", "--- gone", "+++ b/evil", "+diff --git a/q b/q", "+@@ -1 +1 @@", "+", "\\ No newline at end of file",
    'diff --git "a/\\303\\244" "b/\\303\\244"', "deleted file mode 100644", "Binary files differ", "",
  ].join("\n");
  const [first, second] = filesOf(text);
  assert.deepEqual([first.path, second.path], ["y.toml", "\\303\\244"]);
  assert.deepEqual(first.lines.map((line) => line.kind), ["about", "about", "hunk", "same", "del", "add", "add", "add", "add", "about"]);
  assert.deepEqual(first.lines.map((line) => [line.old, line.new]).slice(3, 6), [[7, 7], [8, undefined], [undefined, 8]]);
  assert.equal(first.lines[4].text, "-- gone");
  assert.equal(first.lines[6].text, "diff --git a/q b/q");
  assert.deepEqual(second.lines.map((line) => line.kind), ["about", "about"]);
  assert.deepEqual(hunkOf(first.lines[2].text), { range: "@@ -7,2 +7,5 @@", within: "[mcp_servers.x]" });
  assert.deepEqual(filesOf(""), []);
});

test("no path is shown as another one's", () => {
  const of = (line) => filesOf(line)[0].path;
  assert.equal(of("diff --git a/x b/agent.toml b/x b/agent.toml"), "x b/agent.toml");
  assert.equal(of('diff --git "a/\\" \\"b/agent.toml" "b/\\" \\"b/agent.toml"'), '" "b/agent.toml');
  assert.equal(of('diff --git "a/odd \\"n\\" \\\\" "b/odd \\"n\\" \\\\"'), 'odd "n" \\');
});

test("a diff that is cut off in the middle, or no diff at all, harms nobody", () => {
  assert.equal(filesOf("@@ -1 +1 @@\n+x")[0].lines.length, 2);
  assert.equal(filesOf("diff --git ")[0].path, "");
  assert.equal(filesOf("what is this")[0].lines[0].kind, "about");
});

test("how much changes is one line", () => {
  assert.equal(summaryOf([]), "no change");
  assert.equal(summaryOf([{ path: "a", added: 2, removed: 1 }]), "1 file +2 −1");
  assert.equal(summaryOf([{ path: "a", added: 2, removed: 1 }, { path: "b", added: null, removed: null }]), "2 files +2 −1");
});

test("what cannot be seen is made visible, and nothing else", () => {
  const shown = (text) => partsOf(text).map((part) => (part.isOdd ? `<${part.text}>` : part.text)).join("");
  assert.equal(shown("a\u202eb\u200b\ufeff\u0007\u{e0041}"), "a<U+202E>b<U+200B><U+FEFF><U+0007><U+E0041>");
  assert.equal(shown("tab\tnewline\n ä 日本 😀 'é'"), "tab\tnewline\n ä 日本 😀 'é'");
  assert.equal(shown("a\rb"), "a<U+000D>b");
  assert.deepEqual(partsOf(""), []);
});

test("each line of a growing log is taken once, and a gap is noticed", () => {
  const tail = new LogTail();
  tail.begin(["one", "two"]);
  assert.deepEqual(tail.take(1, ["two", "three"]), ["three"]);
  assert.deepEqual(tail.take(0, ["one"]), []);
  assert.equal(tail.have, 3);
  assert.equal(tail.take(7, ["eight"]), null);
  assert.equal(tail.have, 3);
});

test("a log that was cut knows how much was said before", () => {
  const tail = new LogTail();
  tail.begin(["(100 earlier lines were left out)", "line 101", "line 102"]);
  assert.equal(tail.have, 102);
  assert.deepEqual(tail.take(102, ["line 103"]), ["line 103"]);
});

test("the running job comes first, then as they wait; the newest end first", () => {
  const { open, over } = jobsOf([
    job(3, "queued"), job(4, "running"), job(2, "done", { ended_at: 9 }), job(1, "failed", { ended_at: 20 }), job(5, "queued"),
  ]);
  assert.deepEqual(open.map((one) => one.id), [4, 3, 5]);
  assert.deepEqual(over.map((one) => one.id), [1, 2]);
});

test("a job that gets on replaces its row, and few that are over are kept", () => {
  const state = nothing();
  for (let id = 1; id <= 80; id += 1) reduce(state, { kind: "job_changed", seq: id, job: job(id, "done", { ended_at: id }) });
  reduce(state, { kind: "job_changed", seq: 81, job: job(81, "queued") });
  reduce(state, { kind: "job_changed", seq: 82, job: job(81, "running", { step: "building" }) });
  assert.equal(state.jobs.length, 51);
  assert.equal(state.jobs[0].step, "building");
  assert.equal(state.jobs.at(-1).id, 31);
});

test("inputs and forge follow their frames", () => {
  const state = nothing();
  reduce(state, { kind: "meta_inputs_changed", seq: 1, inputs: [{ name: "hyperhive", rev: "a" }] });
  reduce(state, { kind: "forge_changed", seq: 2, url: "http://f", trouble: "it does not answer" });
  assert.equal(state.meta_inputs.length, 1);
  assert.equal(state.forge.trouble, "it does not answer");
  reduce(state, { kind: "forge_changed", seq: 3, url: "http://f", trouble: null });
  assert.equal(state.forge.trouble, null);
});

test("approvals and jobs have names for people", () => {
  assert.equal(approvalTitle({ kind: "apply_commit", agent: "bob" }), "change of configuration bob");
  const update = { kind: "update_meta_inputs", agent: "manager", commit_ref: '["hyperhive"]' };
  assert.equal(approvalTitle(update), "update of inputs hyperhive");
  assert.equal(approvalTitle({ ...update, commit_ref: "[]" }), "update of inputs");
  assert.deepEqual(inputsOf(update), ["hyperhive"]);
  assert.deepEqual(inputsOf({ ...update, commit_ref: "not json" }), []);
  assert.deepEqual(inputsOf({ ...update, commit_ref: "{}" }), []);
  assert.equal(jobTitle(job(1, "queued", { kind: "destroy", args: { purge: "yes" } })), "purge bob");
  assert.equal(jobTitle(job(1, "queued", { kind: "destroy", args: { purge: "no" } })), "destroy bob");
  assert.equal(jobTitle(job(1, "queued", { kind: "meta_update", agent: null, args: { inputs: '["a","b"]' } })), "update a, b");
  assert.equal(jobTitle(job(1, "queued", { kind: "meta_update", agent: null })), "update inputs");
  assert.equal(jobTitle(job(1, "queued", { kind: "new_thing" })), "new thing bob");
  assert.equal(shortSha("0123456789abcdef"), "0123456789ab");
  assert.equal(shortSha("0.1.0+dev+df53c8800767"), "0.1.0+dev+df53c8800767");
});

test("who is built again depends on the input", () => {
  assert.equal(whomOf(["hyperhive/nixpkgs", "agent-bob"]), "every agent is");
  assert.equal(whomOf(["agent-bob/tools", "agent-bob"]), "bob is");
  assert.equal(whomOf(["agent-bob", "agent-eve/x"]), "bob, eve are");
});

test("paths in a text become references, the longest first", () => {
  const refs = [{ text: "/shared/a.md", path: "/shared/a.md" }, { text: "/shared/a", path: "/shared/a" }];
  assert.deepEqual(splitAt("see /shared/a.md, /shared/a", refs), ["see ", refs[0], ", ", refs[1]]);
  assert.deepEqual(splitAt("nothing", refs), ["nothing"]);
  assert.deepEqual(splitAt("", refs), [""]);
});

test("inputs stand below what they are inputs of, hive itself first", () => {
  const inputs = ["agent-al", "hyperhive", "agent-al/tool", "hyperhive/nixpkgs"].map((name) => ({ name }));
  assert.deepEqual(inTree(inputs).map((one) => one.name), ["hyperhive", "hyperhive/nixpkgs", "agent-al", "agent-al/tool"]);
});

test("a reminder is due, soon, or overdue", () => {
  const at = (left) => dueText({ due_at: 1000 }, 1000 - left);
  assert.deepEqual(at(3700), { text: "due in 1h 01m", tone: "calm" });
  assert.deepEqual(at(9), { text: "due in 9s", tone: "warm" });
  assert.deepEqual(at(-65), { text: "overdue by 1m 05s", tone: "danger" });
});
