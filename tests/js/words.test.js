import assert from "node:assert/strict";
import test from "node:test";

import { Completion, matching, parseCommand } from "../../hive/web/assets/agent_page/commands.js";
import { event } from "../../hive/web/assets/shared/events.js";
import { bodyProblem, byteLength, nameProblem } from "../../hive/web/assets/shared/names.js";
import { count, duration, relative, size, turnLength } from "../../hive/web/assets/shared/time.js";

test("names the daemon takes are taken", () => {
  for (const name of ["a", "alice", "a1", "a-b", "ninechars"]) assert.equal(nameProblem(name), null, name);
});

test("names the daemon refuses are refused, with a reason", () => {
  const bad = ["", "Alice", "1a", "-a", "a-", "a_b", "tencharsxx", "ä", "manager", "operator", "hm1nd", "all"];
  for (const name of bad) assert.ok(nameProblem(name), name);
  assert.match(nameProblem("alice", ["alice"]), /exists/);
});

test("a message is measured in bytes, not in characters", () => {
  assert.equal(byteLength("ä"), 2);
  assert.equal(bodyProblem("x".repeat(4096)), null);
  assert.match(bodyProblem("ä".repeat(2049)), /4098 of 4096/);
});

test("a slash command is read with what it takes", () => {
  assert.equal(parseCommand("hello /help"), null);
  assert.deepEqual(parseCommand("/help"), { name: "help", argument: "" });
  assert.deepEqual(parseCommand("/model opus "), { name: "model", argument: "opus" });
  assert.match(parseCommand("/model").problem, /needs <name>/);
  assert.match(parseCommand("/cancel now").problem, /takes nothing/);
  assert.match(parseCommand("/etc/passwd").problem, /not a command/);
});

test("Tab goes round the commands that fit what was typed", () => {
  const tab = new Completion();
  assert.deepEqual(matching("/c"), ["/clear", "/cancel", "/compact"]);
  assert.equal(tab.next("/c"), "/clear");
  assert.equal(tab.next("/clear"), "/cancel");
  assert.equal(tab.next("/cancel"), "/compact");
  assert.equal(tab.next("/compact"), "/clear");
  assert.equal(tab.next("/m"), "/model");
  assert.equal(tab.next("/x"), null);
});

test("what hive tells an agent is one readable line", () => {
  assert.equal(event('{"event": "rebuilt", "agent": "bob", "note": null, "ok": true}'), "◈ rebuilt · ✓ done · agent bob");
  assert.equal(event('{"event": "rebuilt", "agent": "bob", "note": "no room", "ok": false}'), "◈ rebuilt · ✗ failed · agent bob · note no room");
  assert.equal(event(`{"event": "rebuilt", "sha": "${"ab".repeat(20)}"}`), "◈ rebuilt · sha abababababab");
  for (const body of ["You were restarted.", "[1]", "null", '{"a": 1}']) assert.equal(event(body), null);
});

test("times and sizes read well", () => {
  assert.deepEqual([duration(5.9), duration(184), duration(7800), duration(2e5)], ["5s", "3m 04s", "2h 10m", "2d"]);
  assert.deepEqual([turnLength(870), turnLength(12345), turnLength(125000)], ["870ms", "12.3s", "2m 05s"]);
  assert.deepEqual([relative(1), relative(90), relative(-7300)], ["now", "1m ago", "in 2h"]);
  assert.deepEqual([size(812), size(1482000)], ["812 B", "1.5 MB"]);
  assert.deepEqual([count(950), count(2345), count(118300)], ["950", "2.3k", "118k"]);
});
