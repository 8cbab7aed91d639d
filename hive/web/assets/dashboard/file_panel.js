// @ts-check
/** A file of an agent's state or of what is shared, in the side panel. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el, setAttr, setText } from "../shared/dom.js";
import { markdown } from "../shared/markdown.js";
import { byteLength } from "../shared/names.js";
import { size } from "../shared/time.js";
import { toast } from "../shared/toast.js";
import { stateFile } from "./urls.js";

/** @param {string} path */
async function copied(path) {
  try {
    await navigator.clipboard.writeText(path);
    toast("The path is copied.");
  } catch {
    // Browsers let pages copy by https or from this machine only.
    toast(`This browser lets nothing be copied here: ${path}`, "bad");
  }
}

/** @param {string} path */
export async function showFile(path) {
  const body = el("div", { class: "file-body", tabindex: "0", role: "region", "aria-label": path });
  const about = el("span", { class: "muted" });
  const formatted = el("button", { type: "button", class: "calm", hidden: true });
  const copy = el("button", { type: "button", class: "quiet" }, "Copy path");
  copy.addEventListener("click", () => void copied(path));
  const cut = el("p", { class: "strip warning", hidden: true });
  sidePanel(path, el("div", { class: "file-frame" }, cut, body), [about, copy, formatted]);
  body.textContent = "…";
  let answer;
  try {
    answer = await getJson(stateFile(path));
  } catch (error) {
    body.replaceChildren(el("p", { class: "form-error" }, sentence(error)));
    return;
  }
  const text = String(answer.text);
  setText(about, size(answer.size));
  setText(cut, `Only the beginning is shown: ${size(byteLength(text))} of ${size(answer.size)}.`);
  cut.hidden = !answer.is_truncated;
  let isFormatted = /\.(md|markdown)$/i.test(path);
  formatted.hidden = !isFormatted;
  const show = () => {
    setText(formatted, isFormatted ? "as written" : "formatted");
    setAttr(formatted, "aria-pressed", String(isFormatted));
    body.replaceChildren(isFormatted ? markdown(text) : el("pre", {}, text || "The file is empty."));
  };
  formatted.addEventListener("click", () => {
    isFormatted = !isFormatted;
    show();
  });
  show();
}
