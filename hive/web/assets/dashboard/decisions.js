// @ts-check
/** Yes and no to an approval; a yes asks first what becomes of comments that were written on it. */

import { el, label, setText } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { approve, deny } from "./urls.js";
import { approvalTitle } from "./words.js";

/** @typedef {import("../shared/wire.js").Approval} Approval */

/**
 * @param {Approval} one
 * @returns {{forms: HTMLFormElement[], update: (now: Approval) => void}}
 */
export function decisionsOn(one) {
  const what = approvalTitle(one);
  let comments = one.comments;
  const yes = actionForm(
    { url: approve(one.id), leet: "", plain: "Approve", tone: "go primary" },
    label("◆ APPR0VE", "Approve", what),
  );
  const no = actionForm(
    {
      url: deny(one.id),
      leet: "",
      plain: "Deny",
      tone: "danger",
      danger: true,
      title: `Deny ${what}, #${one.id}?`,
      confirm: deniedWith(comments),
      prompt: "Reason (can be left out)",
      draft: `deny ${one.id} ${one.requested_at}`,
      button: "Deny",
    },
    label("DENY", "Deny", what),
  );
  const fate = el("input", { type: "hidden", name: "comments", value: "" });
  yes.form.append(fate);
  yes.form.addEventListener("submit", (event) => {
    if (comments === 0 || fate.value) return;
    event.preventDefault();
    event.stopPropagation();
    void askFate(what, comments).then((chosen) => {
      if (!chosen) return;
      fate.value = chosen;
      yes.form.requestSubmit(yes.button);
      // Asked anew when it is refused: others may be written by then.
      fate.value = "";
    });
  });
  return {
    forms: [yes.form, no.form],
    update: (now) => {
      comments = now.comments;
      no.form.dataset.confirm = deniedWith(comments);
    },
  };
}

/** @param {number} comments @returns {string} what a denial does */
function deniedWith(comments) {
  const along = comments ? ` ${manyComments(comments)} on its lines go along.` : "";
  return `Whoever asked is told, with your reason if you give one.${along}`;
}

/** @param {number} count */
export function manyComments(count) {
  return `${count} comment${count === 1 ? "" : "s"}`;
}

/** @param {string} what @param {number} count @returns {Promise<string>} "send", "drop", or "" for neither */
function askFate(what, count) {
  return new Promise((resolve) => {
    const text = el("p", { class: "wrap" });
    setText(text, `You wrote ${manyComments(count)} on its lines. Whoever asked can be told of them, or they are dropped.`);
    const dialog = el(
      "dialog",
      { "aria-labelledby": "fate-title" },
      el(
        "form",
        { method: "dialog", class: "stack" },
        el("h2", { id: "fate-title" }, `Approve ${what}?`),
        text,
        el(
          "div",
          { class: "row" },
          el("button", { class: "go primary push", value: "send" }, "Approve and send them"),
          el("button", { class: "danger", value: "drop" }, "Approve and drop them"),
          el("button", { value: "", autofocus: true }, "Cancel"),
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
