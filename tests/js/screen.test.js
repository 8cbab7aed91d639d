import assert from "node:assert/strict";
import test from "node:test";

import { isWayOut, strokes, typed } from "../../hive/web/assets/agent_page/screen_keys.js";
import { asked, badge, closed, detail, failed, joined, nothing, refused, retryMs } from "../../hive/web/assets/agent_page/screen_state.js";

const seen = joined(asked(nothing(), false));
const held = joined(asked(seen, true));

test("a screen is viewed, and held only by who asked for it", () => {
  assert.equal(badge(nothing()).word, "connecting");
  assert.equal(badge(seen).word, "view only");
  assert.equal(badge(held).word, "in control");
});

test("what broke off is tried again ever more slowly, and at once when it was seen", () => {
  let view = seen;
  const waits = [];
  for (let n = 0; n < 7; n += 1) {
    view = closed(asked(view, false), 1011, "its VNC server does not answer");
    waits.push(retryMs(view));
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  assert.equal(view.phase, "waiting");
  assert.equal(retryMs(closed(joined(view), 1001, "")), 1000);
});

test("control is not taken back without being asked for, and its loss is said", () => {
  const lost = closed(held, 1006, "");
  assert.equal(lost.control, false);
  assert.equal(detail(lost), "The connection broke off. You no longer have control. Trying again in 1 s.");
  assert.equal(closed(asked(seen, true), 1011, "x").detail, "x.");
});

test("what was refused is not asked for again by itself", () => {
  assert.deepEqual(closed(seen, 1008, "the ticket was used before"), { phase: "ended", control: false, tries: 1, detail: "the ticket was used before." });
  assert.equal(failed(held, "no VNC").phase, "ended");
  const phases = [[401, "unauthorized"], [404, "not_found"], [403, "refused"], [503, "coming_up"], [0, "unreachable"], [409, "conflict"]].map(
    ([status, code]) => refused(seen, { status: Number(status), code: String(code), message: "so" }).phase,
  );
  assert.deepEqual(phases, ["logged_out", "absent", "ended", "waiting", "waiting", "waiting"]);
});

test("while a screen is seen nothing is said of what was before", () => {
  assert.equal(detail(joined(closed(seen, 1011, "gone"))), "");
});

test("a chord is let go in the order that a hand would", () => {
  const key = (/** @type {string} */ code) => ({ sym: 1, code });
  assert.deepEqual(
    strokes([key("a"), key("b")]).map(([{ code }, isDown]) => `${code} ${isDown}`),
    ["a true", "b true", "b false", "a false"],
  );
});

test("a text is typed as the symbols of an X server, its newlines as Return", () => {
  assert.deepEqual(typed("aé€\r\n\t🐝").map(({ sym }) => sym), [0x61, 0xe9, 0x010020ac, 0xff0d, 0xff09, 0x0101f41d]);
  assert.deepEqual(typed("\u0000\u001b\u007f\u0085"), []);
});

test("one chord leads out of the screen, and no part of it", () => {
  assert.ok(isWayOut({ ctrlKey: true, altKey: true, key: "Home" }));
  assert.ok(!isWayOut({ ctrlKey: true, altKey: false, key: "Home" }));
  assert.ok(!isWayOut({ ctrlKey: true, altKey: true, key: "End" }));
});
