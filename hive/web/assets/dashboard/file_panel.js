// @ts-check
/** A file of an agent's state or of what is shared, in the side panel. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el, setAttr, setText } from "../shared/dom.js";
import { markdown } from "../shared/markdown.js";
import { size } from "../shared/time.js";
import { stateFile } from "./urls.js";

/** @param {string} path */
export async function showFile(path) {
  const body = el("div", { class: "file-body", tabindex: "0", role: "region", "aria-label": path });
  const about = el("span", { class: "muted" });
  const formatted = el("button", { type: "button", class: "calm", hidden: true });
  sidePanel(path, body, [about, formatted]);
  body.textContent = "…";
  let answer;
  try {
    answer = await getJson(stateFile(path));
  } catch (error) {
    body.replaceChildren(el("p", { class: "form-error" }, sentence(error)));
    return;
  }
  const text = String(answer.text);
  setText(about, answer.is_truncated ? `the first part of ${size(answer.size)}` : size(answer.size));
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
