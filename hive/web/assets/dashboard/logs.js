// @ts-check
/** The newest lines of a container, in the side panel. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el } from "../shared/dom.js";
import { logs } from "./urls.js";

const LINES = [50, 200, 500];

/** @param {string} name */
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
      const { lines } = /** @type {{lines: string[]}} */ (await getJson(logs(name, Number(amount.value))));
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
