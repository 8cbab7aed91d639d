// @ts-check
/** The newest lines of a container, in the side panel. */

import { getJson, sentence } from "./api.js";
import { sidePanel } from "./dialog.js";
import { el } from "./dom.js";

const LINES = [50, 200, 500];

/** @param {string} name */
const address = (name) => `/api/journal/${encodeURIComponent(name)}`;

/** @param {string} name of an agent */
export async function showLogs(name) {
  const text = el("pre", { tabindex: "0", role: "region", "aria-label": `logs of ${name}` }, "…");
  const again = el("button", { type: "button", class: "calm" }, "↻ Refresh");
  const amount = el(
    "select",
    { class: "amount", "aria-label": "How many lines" },
    ...LINES.map((lines) => el("option", { value: lines, selected: lines === 200 }, `${lines} lines`)),
  );
  const load = async () => {
    try {
      const { lines } = /** @type {{lines: string[]}} */ (await getJson(`${address(name)}?lines=${amount.value}`));
      text.textContent = lines.length ? lines.join("\n") : "Nothing has been logged yet.";
      text.scrollTop = text.scrollHeight;
    } catch (error) {
      text.textContent = sentence(error);
    }
  };
  again.addEventListener("click", () => void load());
  amount.addEventListener("change", () => void load());
  sidePanel(`logs · ${name}`, text, [amount, again]);
  await load();
}
