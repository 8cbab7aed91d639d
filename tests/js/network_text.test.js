import assert from "node:assert/strict";
import test from "node:test";

import { entryFor } from "../../hive/web/assets/agent_page/network_text.js";

test("an entry names no port where a usual one is meant", () => {
  assert.equal(entryFor({ host: "pypi.org", port: 443 }), "pypi.org");
  assert.equal(entryFor({ host: "pypi.org", port: 8443 }), "pypi.org:8443");
  assert.equal(entryFor({ host: "fd00::1", port: 80 }), "fd00::1");
  assert.equal(entryFor({ host: "fd00::1", port: 22 }), "[fd00::1]:22");
});

test("where a name leads to an address that must be listed, that address is the entry", () => {
  const why = 'x.example is at 10.0.0.1, which is private: ask the manager to add allow = ["10.0.0.1:8080"] to your agent.toml';
  assert.equal(entryFor({ host: "x.example", port: 8080, why }), "10.0.0.1:8080");
  assert.equal(entryFor({ host: "x.example", port: 443, why: "x.example is at 10.0.0.1, an address of the host" }), "x.example");
});
