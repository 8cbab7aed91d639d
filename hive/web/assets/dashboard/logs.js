// @ts-check
/** The newest lines of a container, in the side panel. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el } from "../shared/dom.js";
import { logs } from "./urls.js";

const LINES = 200;

/** @param {string} name */
export async function showLogs(name) {
  const text = el("pre", { tabindex: "0", role: "region", "aria-label": `logs of ${name}` }, "…");
  const again = el("button", { type: "button", class: "calm" }, "↻ Refresh");
  const load = async () => {
    try {
      const answer = await getJson(logs(name, LINES));
      const lines = /** @type {string[]} */ (answer.lines ?? answer.logs ?? []);
      text.textContent = lines.length ? lines.join("\n") : "Nothing has been logged yet.";
      text.scrollTop = text.scrollHeight;
    } catch (error) {
      text.textContent = sentence(error);
    }
  };
  again.addEventListener("click", () => void load());
  sidePanel(`logs · ${name}`, text, [again]);
  await load();
}
