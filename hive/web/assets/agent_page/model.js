// @ts-check
/** Choosing the model of the next turn. */

import { post, sentence } from "../shared/api.js";
import { el, setText } from "../shared/dom.js";
import { MODEL } from "./urls.js";

/** @param {readonly string[]} models offered @param {string | null} present */
export function chooseModel(models, present) {
  const problem = el("p", { class: "form-error", role: "alert", hidden: true });
  const field = el("input", { type: "text", name: "other", placeholder: "claude-...", "aria-label": "Another model, by its name", maxlength: 100 });
  const picks = models.map((name) =>
    el("button", { type: "button", class: name === present ? "go primary pick" : "calm pick", value: name, "aria-current": name === present ? "true" : null }, name),
  );
  const dialog = el(
    "dialog",
    { "aria-labelledby": "model-title", id: "models" },
    el(
      "form",
      { class: "stack" },
      el("h2", { id: "model-title" }, "Model of the next turns"),
      el("p", { class: "muted" }, "The running turn goes on with its own. The choice outlives a restart."),
      el("div", { class: "row" }, ...picks),
      el("div", { class: "row nowrap" }, field, el("button", { class: "go" }, "Use")),
      problem,
      el("div", { class: "row" }, el("button", { type: "button", class: "push no" }, "Cancel")),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const pick = target.closest(".pick");
    if (pick instanceof HTMLButtonElement) void use(pick.value);
    else if (target === dialog || target.closest(".no")) dialog.close();
  });
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim()) void use(field.value.trim());
  });
  /** @param {string} model */
  const use = async (model) => {
    try {
      await post(MODEL, { model });
      dialog.close();
    } catch (error) {
      problem.hidden = false;
      setText(problem, sentence(error));
    }
  };
  document.body.append(dialog);
  dialog.showModal();
}
