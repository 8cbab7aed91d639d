import assert from "node:assert/strict";
import test from "node:test";

import { entryFor } from "../../hive/web/assets/agent_page/network_text.js";

test("an entry names no port where a usual one is meant", () => {
  assert.equal(entryFor({ host: "pypi.org", port: 443 }), "pypi.org");
  assert.equal(entryFor({ host: "pypi.org", port: 8443 }), "pypi.org:8443");
  assert.equal(entryFor({ host: "fd00::1", port: 80 }), "fd00::1");
  assert.equal(entryFor({ host: "fd00::1", port: 22 }), "[fd00::1]:22");
});
