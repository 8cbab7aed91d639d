// @ts-check
/** The newest lines of a container, in the side panel: as many as wanted, once or followed. */

import { getJson, sentence } from "./api.js";
import { sidePanel } from "./dialog.js";
import { el, setText } from "./dom.js";

const LINES = [50, 200, 500];
const FOLLOW_MS = 2000;
const STICKY_PX = 48;

/** @param {string} name @param {string} unit @param {string} lines */
const address = (name, unit, lines) => `/api/journal/${encodeURIComponent(name)}?unit=${unit}&lines=${lines}`;

/** @param {string} name of an agent */
export async function showLogs(name) {
  const text = el("pre", { tabindex: "0", role: "region", "aria-label": `logs of ${name}` }, "…");
  const again = el("button", { type: "button", class: "calm" }, "↻ Refresh");
  const amount = el(
    "select",
    { class: "amount", "aria-label": "How many lines" },
    ...LINES.map((lines) => el("option", { value: lines, selected: lines === 200 }, `${lines} lines`)),
  );
  const unit = el("select", { class: "amount", "aria-label": "Which log", hidden: true }, el("option", { value: "hive" }, "hive"));
  const follow = el("input", { type: "checkbox", class: "follow" });
  /** @param {boolean} isFresh asked for: it is shown from its end, wherever one had scrolled to */
  const load = async (isFresh) => {
    const isAtEnd = text.scrollHeight - text.scrollTop - text.clientHeight < STICKY_PX;
    try {
      const found = await getJson(address(name, unit.value, amount.value));
      const { lines, units } = /** @type {{lines: string[], units: string[]}} */ (found);
      for (const one of units) {
        if (![...unit.options].some((option) => option.value === one)) unit.append(el("option", { value: one }, one));
      }
      unit.hidden = units.length < 2;
      setText(text, lines.length ? lines.join("\n") : "Nothing has been logged yet.");
    } catch (error) {
      setText(text, sentence(error));
    }
    if (isFresh || isAtEnd) text.scrollTop = text.scrollHeight;
  };
  let isFollowing = false;
  /** One read after the other, for as long as somebody looks. */
  const go = async () => {
    if (isFollowing) return;
    isFollowing = true;
    while (follow.checked && text.isConnected) {
      if (!document.hidden) await load(false);
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
    }
    isFollowing = false;
  };
  again.addEventListener("click", () => void load(true));
  for (const choice of [unit, amount]) choice.addEventListener("change", () => void load(true));
  follow.addEventListener("change", () => void go());
  sidePanel(`logs · ${name}`, text, [unit, amount, el("label", { class: "row" }, follow, "follow"), again]);
  await load(true);
}
