import assert from "node:assert/strict";
import test from "node:test";

import { goneText, tabIn, thingIn } from "../../hive/web/assets/dashboard/address.js";
import { linesOf, needs, onlyTold, workText } from "../../hive/web/assets/dashboard/needs.js";
import { nothing } from "../../hive/web/assets/dashboard/state.js";

const why = (code, level, more = {}) => ({ code, level, word: code, sentence: `it is ${code}`, since: null, mend: null, ...more });
const row = (name, more = {}) => ({ name, running: true, turn_state: "idle", transient: null, why: why("waiting", "info"), ...more });
const job = (id, kind, agent, state) => ({ id, kind, agent, state, args: {}, ended_at: id, note: null });
const keys = (state) => needs(state).map((one) => one.key);

test("what stops the hive comes first, then what is broken, then what waits, the oldest first", () => {
  const state = {
    ...nothing(),
    notices: [{ kind: "disk_low", level: "error", message: "9 MiB left", about: [] }, { kind: "off", level: "info", message: "off", about: [] }],
    containers: [row("manager"), row("dave", { running: false, why: why("crashed", "error", { since: "2026-01-01T00:00:00Z" }) }), row("erin", { why: why("needs_login", "error") })],
    approvals: [{ id: 8, agent: "bob", kind: "spawn", requested_at: 9 }, { id: 7, agent: "amy", kind: "spawn", requested_at: 5 }],
    questions: [
      { id: 1, asker: "a", target: null, question: "x", asked_at: 1, deadline_at: null },
      { id: 2, asker: "a", target: "bob", question: "y", asked_at: 1, deadline_at: null },
      { id: 3, asker: "a", target: "operator", question: "z", asked_at: 4, deadline_at: 50 },
    ],
    jobs: [job(4, "rebuild", "zoe", "failed"), job(5, "rebuild", "dave", "failed")],
    reminders: [{ id: 1, agent: "a", message: "m", attempt_count: 5, last_error: "e", due_at: 1 }, { id: 2, agent: "a", message: "m", attempt_count: 4, last_error: "e", due_at: 1 }],
    inbox: [{ id: 12, from: "a", body: "**hi**\nthere", sent_at: 3, acked_at: null }, { id: 11, from: "a", body: "old", sent_at: 2, acked_at: 9 }],
  };
  assert.deepEqual(keys(state), [
    "notice disk_low ", "agent erin", "agent dave", "approval 7", "approval 8", "question 3", "question 1",
    "job 4", "reminder 1", "mail 12",
  ]);
  const found = Object.fromEntries(needs(state).map((one) => [one.kind, one]));
  assert.equal(found.mail.text, "hi there");
  assert.equal(found.approval.href, "#approval-8");
  assert.equal(found.agent.href, "#agent-dave");
  assert.equal(needs(state)[1].href, "/agent/erin/");
  assert.equal(found.agent.at, 1767225600);
});

test("what the overview says no strip says again, and the other way round", () => {
  const all = ["disk_low error", "needs_login warning", "failed error", "forge warning", "demo info"].map((one) => ({
    kind: one.split(" ")[0], level: one.split(" ")[1], message: "m", about: [],
  }));
  assert.deepEqual(onlyTold(all).map((one) => one.kind), ["forge", "demo"]);
  assert.deepEqual(needs({ ...nothing(), notices: all }).map((one) => one.key), ["notice disk_low "]);
});

test("that claude is missing is said once, not of every agent", () => {
  const state = { ...nothing(), containers: [row("bob", { why: why("no_claude", "error") })] };
  assert.deepEqual(keys(state), ["agent bob"]);
  state.notices = [{ kind: "no_claude", level: "error", message: "claude was not found", about: [] }];
  assert.deepEqual(keys(state), ["notice no_claude "]);
});

test("a failed job counts until it is done, tried again, or its agent is gone", () => {
  const after = (...jobs) => keys({ ...nothing(), jobs: [job(1, "deploy", "bob", "failed"), ...jobs] });
  assert.deepEqual(after(), ["job 1"]);
  assert.deepEqual(after(job(2, "deploy", "amy", "done"), job(3, "restart", "bob", "done"), job(4, "deploy", "bob", "cancelled")), ["job 1"]);
  assert.deepEqual(after(job(2, "rebuild", "bob", "queued")), []);
  assert.deepEqual(after(job(2, "destroy", "bob", "done")), []);
  assert.deepEqual(after(job(2, "rebuild", "bob", "failed")), ["job 2"]);
});

test("of many of one kind the first have lines, and one leads to the others", () => {
  const inbox = Array.from({ length: 30 }, (_, id) => ({ id, from: "a", body: "x", sent_at: id, acked_at: null }));
  const lines = linesOf(needs({ ...nothing(), inbox }));
  assert.equal(lines.length, 6);
  assert.deepEqual([lines[5].what, lines[5].href], ["and 25 more unread messages", "#inbox"]);
  assert.equal(linesOf(needs({ ...nothing(), inbox: inbox.slice(0, 6) })).length, 6);
});

test("how many agents work is said in a few words", () => {
  const state = { ...nothing(), containers: [row("manager", { turn_state: "thinking" }), row("a"), row("b", { running: false, turn_state: "offline" })] };
  assert.equal(workText(state), "1 of 3 agents at work, 1 idle, 1 off");
  assert.equal(workText({ ...state, containers: state.containers.slice(0, 1) }), "1 of 1 agent at work");
});

test("an address names a thing, a section or a search, and so a tab", () => {
  const sections = { approvals: "decisions", agents: "agents" };
  const tab = (hash, search = "") => tabIn(hash, search, (id) => sections[id] ?? null);
  assert.deepEqual(
    ["", "#agents", "#approvals", "#approval-7", "#agent-bob-2", "#message-9", "#job-3", "#nothing"].map((hash) => tab(hash)),
    ["home", "agents", "decisions", "decisions", "agents", "talk", "system", "home"],
  );
  assert.equal(tab("", "?q=deploy"), "talk");
  assert.equal(tab("#job-3", "?q=deploy"), "system");
  assert.deepEqual(thingIn("#agent-a"), { kind: "agent", id: "a" });
  for (const bad of ["#approval-x", "#approval-7'", "#constructor-7", "#agent-", '#agent-a"]', "#message-1234567890123456"]) {
    assert.equal(thingIn(bad), null, bad);
  }
  assert.match(goneText({ kind: "reminder", id: "7" }), /^Reminder 7 is not there any more/);
  assert.match(goneText({ kind: "agent", id: "bob" }), /bob/);
});
