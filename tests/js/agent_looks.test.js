import assert from "node:assert/strict";
import { test } from "node:test";

import { shown, target, usable } from "../../hive/web/assets/shared/agent_looks.js";

test("a link leads to the web or below the agent's page", () => {
  assert.deepEqual(target("bob", "https://a.example:8443/x?y#z"), { href: "https://a.example:8443/x?y#z", host: "a.example:8443" });
  assert.equal(target("bob", "stats?window=1h")?.href, "/agent/bob/stats?window=1h");
});

test("nothing else is made a link, whatever a row says", () => {
  const bad = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", " javascript:alert(1)", "data:text/html,x",
    "vbscript:x", "file:///etc/passwd", "blob:https://a/b", "//evil.example/", "/kill/bob", "../../", "a/../b", "a//b",
    "%2e%2e/x", "\\\\evil", "https:\\\\evil", "https://good.example\\@evil.example/", "https://u:p@a.example/", "https://",
    "http://a b/", "https://a.example/\u202e", "", 7, null, undefined, {},
  ];
  for (const url of bad) assert.equal(target("bob", url), null, String(url));
});

test("text that turns or breaks a line is not shown", () => {
  assert.equal(shown("👨‍👩‍👧‍👦", 8), "👨‍👩‍👧‍👦");
  for (const text of ["a\u202eb", "a\u2066b", "a\nb", "a\u2028b", "a\u0007", "toolong", 7, null]) assert.equal(shown(text, 3), "");
});

test("what is wrong in a list of links costs that link alone, and there are at most eight", () => {
  const good = { label: "docs", url: "https://a.example/" };
  assert.deepEqual(usable("bob", [{ label: "x", url: "javascript:1" }, good]).map((one) => one.label), ["docs"]);
  assert.equal(usable("bob", Array(20).fill(good)).length, 8);
});
