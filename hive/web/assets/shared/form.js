// @ts-check
/**
 * Forms marked `data-async` are sent in the background, by one listener for the whole page.
 *
 * `data-confirm` asks first (`data-confirm-title`, `data-confirm-button`, `data-danger`);
 * `data-prompt` asks for a text and puts it into the field named by `data-prompt-field`
 * (default `note`), and keeps it by the name in `data-draft` until it is sent. A failure is written into the form; a success clears its text fields unless
 * it is marked `data-keep`, says `data-done` in a toast, and fires `hive:done` with the answer.
 * What was typed since stays; the failure of a form that is gone is told in a toast. A double click
 * and a key that is held down are one wish.
 * Empty fields are left out; `data-only` names the one field that is sent.
 */

import { post, sentence } from "./api.js";
import { ask } from "./dialog.js";
import { el, setAttr } from "./dom.js";
import { keepDraft } from "./drafts.js";
import { toast } from "./toast.js";

export function installForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.async === undefined) return;
    event.preventDefault();
    if (form.dataset.busy === undefined) void submit(form, event.submitter);
  });
  document.addEventListener("click", (event) => event.detail > 1 && isSubmit(event.target) && event.preventDefault(), true);
  document.addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && isSubmit(event.target) && event.preventDefault(), true);
}

/** @param {EventTarget | null} target @returns {boolean} whether it sends one of our forms */
function isSubmit(target) {
  const button = target instanceof Element ? target.closest("button") : null;
  return button?.type === "submit" && button.form?.dataset.async !== undefined;
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} button */
async function submit(form, button) {
  if (button?.getAttribute("aria-disabled") === "true") return;
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    const isWanted = form.dataset.only === undefined || form.dataset.only === name;
    if (isWanted && value !== "") fields.append(name, String(value));
  }
  if (!(await consented(form, fields))) return;
  form.dataset.busy = "";
  if (button) setAttr(button, "aria-busy", "true");
  showError(form, "");
  const sent = new Map(textsOf(form).map((input) => [input, input.value]));
  try {
    const answer = await post(form.action, fields);
    if (form.dataset.keep === undefined) clearTexts(sent);
    if (form.dataset.draft) keepDraft(form.dataset.draft, "");
    if (form.dataset.done) toast(form.dataset.done);
    form.dispatchEvent(new CustomEvent("hive:done", { detail: answer, bubbles: true }));
  } catch (error) {
    if (form.isConnected) showError(form, sentence(error));
    else toast(sentence(error), "bad");
  } finally {
    delete form.dataset.busy;
    if (button) setAttr(button, "aria-busy", null);
  }
}

/** @param {HTMLFormElement} form @param {URLSearchParams} fields */
async function consented(form, fields) {
  const { confirm, prompt } = form.dataset;
  if (!confirm && !prompt) return true;
  const text = await ask({
    title: form.dataset.confirmTitle ?? "Sure?",
    text: confirm ?? "",
    confirm: form.dataset.confirmButton ?? "Yes",
    danger: form.dataset.danger !== undefined,
    prompt,
    draft: form.dataset.draft,
  });
  if (text === null) return false;
  if (prompt && text.trim()) fields.set(form.dataset.promptField ?? "note", text.trim());
  return true;
}

/** @param {HTMLFormElement} form @returns {HTMLInputElement[]} */
function textsOf(form) {
  return [...form.querySelectorAll("textarea, input[type=text]")].map((field) => /** @type {HTMLInputElement} */ (field));
}

/** @param {Map<HTMLInputElement, string>} sent what each field held */
function clearTexts(sent) {
  for (const [input, text] of sent) {
    if (input.value !== text) continue;
    input.value = "";
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** @param {HTMLFormElement} form @param {string} text "" takes it away */
export function showError(form, text) {
  let place = form.querySelector(".form-error");
  if (!place) {
    if (!text) return;
    place = el("p", { class: "form-error", role: "alert" });
    form.append(place);
  }
  place.textContent = text;
  setAttr(place, "hidden", text ? null : "");
}

/**
 * @typedef {{
 *   url: string, leet: string, plain: string, tone?: string, confirm?: string, title?: string,
 *   button?: string, danger?: boolean, prompt?: string, draft?: string, done?: string,
 *   fields?: Record<string, string>
 * }} Action
 */
/**
 * A form that is one button.
 * @param {Action} action @param {(Node | string)[]} content what the button shows
 */
export function actionForm(action, content) {
  const button = el("button", { class: action.tone ?? "", title: action.plain }, ...content);
  const hidden = Object.entries(action.fields ?? {}).map(([name, value]) =>
    el("input", { type: "hidden", name, value }),
  );
  const form = el(
    "form",
    {
      action: action.url,
      method: "post",
      class: "action",
      "data-async": true,
      "data-keep": true,
      "data-confirm": action.confirm,
      "data-confirm-title": action.title,
      "data-confirm-button": action.button,
      "data-danger": action.danger === true,
      "data-prompt": action.prompt,
      "data-draft": action.draft,
      "data-done": action.done,
    },
    ...hidden,
    button,
  );
  return { form, button };
}

/**
 * A textarea that grows with its text and sends on Enter; Shift+Enter is a newline and Enter that
 * ends an input method's composition is left alone.
 * @param {HTMLTextAreaElement} area @param {(event: KeyboardEvent) => void} onEnter
 */
export function growing(area, onEnter) {
  const grow = () => {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
  };
  area.addEventListener("input", grow);
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    onEnter(event);
  });
  return grow;
}
