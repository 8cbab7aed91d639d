import assert from "node:assert/strict";
import test from "node:test";

import { contextTone, nothing as noAgent, reduce as reduceAgent } from "../../hive/web/assets/agent_page/state.js";
import { whyStrip } from "../../hive/web/assets/agent_page/why.js";
import { badgesOf } from "../../hive/web/assets/dashboard/badges.js";
import { progress } from "../../hive/web/assets/dashboard/guide.js";
import { Dismissed } from "../../hive/web/assets/dashboard/dismissed.js";
import { nothing, operatorQuestions, reduce, takenNames, unreadCount } from "../../hive/web/assets/dashboard/state.js";

const row = (name, more = {}) => ({ name, container: `h-${name}`, is_manager: name === "manager", running: true, turn_state: "idle", limits_met: [], ...more });

test("an agent being made has a row before it has a container, and loses it when that fails", () => {
  const state = nothing();
  reduce(state, { kind: "transient_set", seq: 1, name: "bob", transient_kind: "spawning", since_unix: 3 });
  assert.equal(state.containers[0].transient, "spawning");
  assert.equal(badgesOf(state.containers[0])[0].text, "spawning…");
  reduce(state, { kind: "transient_cleared", seq: 2, name: "bob" });
  assert.deepEqual(state.containers, []);
});

test("a changed row replaces the old one; the manager stays first", () => {
  const state = nothing();
  for (const name of ["zoe", "manager", "bob"]) {
    reduce(state, { kind: "container_state_changed", seq: 1, container: row(name) });
  }
  reduce(state, { kind: "container_state_changed", seq: 2, container: row("zoe", { running: false }) });
  assert.deepEqual(state.containers.map((one) => one.name), ["manager", "bob", "zoe"]);
  assert.equal(state.containers[2].running, false);
  reduce(state, { kind: "container_removed", seq: 3, name: "bob" });
  assert.equal(state.containers.length, 2);
});

test("an approval moves from pending to decided", () => {
  const state = nothing();
  const one = { id: 1, agent: "bob", kind: "spawn", status: "pending" };
  reduce(state, { kind: "approval_added", seq: 1, approval: one });
  reduce(state, { kind: "approval_added", seq: 1, approval: one });
  assert.deepEqual(takenNames(state), ["bob"]);
  reduce(state, { kind: "approval_resolved", seq: 2, approval: { ...one, status: "denied" } });
  assert.equal(state.approvals.length, 0);
  assert.equal(state.approval_history[0].status, "denied");
});

test("mail to the operator is unread until it is acknowledged, and comes once", () => {
  const state = nothing();
  const mail = { kind: "sent", seq: 1, id: 4, from: "bob", to: "operator", body: "hi", at: 1, in_reply_to: null };
  reduce(state, mail);
  reduce(state, mail);
  reduce(state, { ...mail, id: 5, to: "alice" });
  assert.equal(unreadCount(state), 1);
  reduce(state, { kind: "acked", seq: 2, to: "operator", ids: [4] });
  assert.equal(unreadCount(state), 0);
});

test("what was not read stays, however much newer mail comes, as a snapshot has it", () => {
  const state = nothing();
  const mail = { kind: "sent", seq: 1, from: "bob", to: "operator", body: "hi", at: 1, in_reply_to: null };
  for (let id = 1; id <= 60; id += 1) {
    reduce(state, { ...mail, id });
    if (id > 3 && id !== 7) reduce(state, { kind: "acked", seq: 2, to: "operator", ids: [id] });
  }
  assert.equal(unreadCount(state), 4);
  assert.deepEqual(state.inbox.slice(48).map((one) => one.id), [12, 11, 7, 3, 2, 1]);
  reduce(state, { kind: "acked", seq: 2, to: "operator", ids: [1, 2] });
  assert.deepEqual(state.inbox.slice(49).map((one) => one.id), [11, 7, 3]);
  for (let id = 61; id <= 400; id += 1) reduce(state, { ...mail, id });
  assert.equal(state.inbox.length, 200);
});

test("a question is the operator's when it names nobody", () => {
  const state = nothing();
  reduce(state, { kind: "question_added", seq: 1, id: 1, asker: "bob", target: null, options: [] });
  reduce(state, { kind: "question_added", seq: 2, id: 2, asker: "bob", target: "alice", options: [] });
  assert.deepEqual(operatorQuestions(state).map((one) => one.id), [1]);
  reduce(state, { kind: "question_resolved", seq: 3, id: 1, answer: "yes", answerer: "operator", answered_at: 5, cancelled: false });
  assert.equal(state.question_history[0].answer, "yes");
});

test("a kind nobody knows changes nothing", () => {
  assert.equal(reduce(nothing(), { kind: "toString", seq: 1 }), false);
});

test("the guide goes from the request over the approval to the first message", () => {
  const state = nothing();
  state.containers = [row("manager")];
  assert.equal(progress(state, false).now, 0);
  state.approvals = [{ id: 1, agent: "bob", kind: "spawn" }];
  assert.equal(progress(state, false).now, 1);
  state.containers.push(row("bob"));
  assert.equal(progress(state, false).now, 2);
  assert.equal(progress(state, true).now, 3);
});

test("notices follow their frames, and one that is dismissed stays away for as long as it holds", () => {
  const state = nothing();
  const low = (/** @type {number} */ mib) => ({ kind: "disk_low", level: "error", message: `${mib} MiB left`, about: [] });
  reduce(state, { kind: "notices_changed", seq: 1, notices: [low(9), { kind: "off", level: "info", message: "off", about: ["bob"] }] });
  assert.equal(state.notices.length, 2);
  /** @type {Record<string, string>} */
  const kept = {};
  const store = { getItem: (/** @type {string} */ key) => kept[key] ?? null, setItem: (/** @type {string} */ key, /** @type {string} */ value) => void (kept[key] = value) };
  new Dismissed(store).add(low(9));
  const dismissed = new Dismissed(store);
  assert.deepEqual(dismissed.left([low(7), ...state.notices.slice(1)]).map((one) => one.kind), ["off"]);
  dismissed.keep([]);
  assert.equal(new Dismissed(store).left([low(5)]).length, 1);
  assert.equal(new Dismissed({ ...store, getItem: () => "{" }).left([low(5)]).length, 1);
});

test("what is alarming is shown first", () => {
  const why = { code: "rate_limited", word: "rate limited", level: "warning", sentence: "its account is at its limit", since: null, until: null, by: null, mend: "wait" };
  const badges = badgesOf(row("bob", { why, unread: 2, pending_reminders: 1 }));
  assert.deepEqual(badges.map((one) => one.text), ["rate limited", "2 waiting", "1 reminder"]);
  assert.equal(badges[0].title, "its account is at its limit — wait");
});

test("the agent page's header follows its frames", () => {
  const state = noAgent();
  reduceAgent(state, { kind: "turn_state_changed", seq: 1, state: "thinking", since: 7 });
  reduceAgent(state, { kind: "turn_end", seq: 2, ok: true, duration_ms: 50 });
  reduceAgent(state, { kind: "model_changed", seq: 3, model: "opus" });
  assert.deepEqual([state.turn_state, state.last_turn_ms, state.model], ["thinking", 50, "opus"]);
  assert.deepEqual([contextTone(9), contextTone(120000), contextTone(150000)], ["go", "warm", "danger"]);
});

test("of a reason is shown what somebody should read, with its mend", () => {
  const reason = { code: "paused", word: "paused", level: "notice", sentence: "it was paused", since: null, until: null, by: null, mend: "hive.pyz resume bob" };
  assert.deepEqual(whyStrip(reason), { tone: "warning", text: "It was paused — hive.pyz resume bob." });
  assert.equal(whyStrip({ ...reason, level: "info" }), null);
  assert.equal(whyStrip(null), null);
});
