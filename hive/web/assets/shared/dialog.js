// @ts-check
/** Modal questions and the side panel, on the browser's own <dialog>: Esc and focus are its. */

import { el, keepPlace } from "./dom.js";
import { drafted } from "./drafts.js";

/**
 * The browser gives the focus back to where it was; when that is gone, as a card that was decided
 * from its dialog, the next Tab goes on from its section.
 * @param {HTMLDialogElement} dialog before it is opened
 */
function returning(dialog) {
  const place = document.activeElement?.closest("section, details");
  dialog.addEventListener("close", () => {
    if (place?.isConnected && document.activeElement === document.body) keepPlace(place);
  });
}

/**
 * @param {{title: string, text: string, confirm: string, danger?: boolean, prompt?: string, draft?: string}} about
 *   `draft`: under which name what is typed is kept; whoever asks drops it once it is sent
 * @returns {Promise<string | null>} the text asked for ("" without a prompt), null when declined
 */
export function ask(about) {
  return new Promise((resolve) => {
    const field = about.prompt
      ? el("textarea", { rows: 3, id: "dialog-text", maxlength: 4000 })
      : null;
    if (field && about.draft) drafted(field, about.draft);
    const tone = about.danger ? "danger" : "go";
    // Beside "Cancel the job" a plain "Cancel" could mean either.
    const no = about.confirm.startsWith("Cancel") ? "Keep it" : "Cancel";
    const dialog = el(
      "dialog",
      { "aria-labelledby": "dialog-title" },
      el(
        "form",
        { method: "dialog", class: "stack" },
        el("h2", { id: "dialog-title" }, about.title),
        el("p", { class: "wrap" }, about.text),
        field && el("label", { class: "field" }, about.prompt, field),
        el(
          "div",
          { class: "row" },
          el("button", { class: `${tone} primary push`, value: "yes" }, about.confirm),
          el("button", { value: "no", formnovalidate: true, autofocus: about.danger }, no),
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? (field?.value ?? "") : null);
    });
    document.body.append(dialog);
    returning(dialog);
    dialog.showModal();
    field?.focus();
  });
}

/**
 * A drawer from the right; the caller fills `body`.
 * @param {string} title @param {Node} body @param {Node[]} [tools]
 * @returns {HTMLDialogElement}
 */
export function sidePanel(title, body, tools = []) {
  const close = el("button", { type: "button", class: "push" }, "✕ Close");
  const dialog = el(
    "dialog",
    { class: "side", "aria-labelledby": "side-title" },
    el(
      "div",
      { class: "frame" },
      el("header", {}, el("h2", { id: "side-title" }, title), ...tools, close),
      body,
    ),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  returning(dialog);
  dialog.showModal();
  return dialog;
}
