// @ts-check
/** What is switched for each outlet, its test, and the quiet hours. */

import { post, sentence } from "../shared/api.js";
import { el, label, setText } from "../shared/dom.js";
import { toast } from "../shared/toast.js";
import { CLASSES, OUTLETS } from "./notify_words.js";
import { NOTIFY_OUTLET, NOTIFY_QUIET, NOTIFY_TEST } from "./urls.js";

/**
 * @typedef {{classes: string[], texts: boolean}} Switches
 * @typedef {{name: string, is_ready: boolean, where: string, answer: string | null, answered_at: number | null}} Outlet
 * @typedef {{is_on: boolean, start: string, end: string, zone: string, passing: string[]}} Quiet
 * @typedef {{
 *   settings: {outlets: Record<string, Switches>, quiet: Quiet}, outlets: Outlet[],
 *   subscriptions: {id: number, label: string, service: string, made_at: number, answer: string | null, answered_at: number | null}[],
 *   deliveries: {
 *     id: number, outlet: string, class: string, title: string, state: string, attempts: number,
 *     made_at: number, due_at: number, answer: string | null
 *   }[]
 * }} Report
 */

/** @param {string} name @param {string} text */
function check(name, text) {
  const input = el("input", { type: "checkbox", name });
  return { input, root: el("label", { class: "check" }, input, text) };
}

/** @param {Outlet & {switches: Switches}} outlet */
export function outletRow({ name }) {
  const title = OUTLETS[name] ?? name;
  const boxes = CLASSES.map(([key, text]) => check(key, text));
  const texts = check("texts", "with texts");
  const where = el("span", { class: "muted wrap" });
  const said = el("p", { class: "muted wrap", role: "status" });
  const fault = el("p", { class: "form-error", role: "alert", hidden: true });
  const test = el("button", { type: "button", class: "calm" }, ...label("⚑ T3ST", `Test ${title}`));
  const root = el(
    "li",
    { class: "panel card outlet", "data-outlet": name },
    el("div", { class: "row" }, el("h3", {}, title), where, el("span", { class: "push" }, test)),
    el("fieldset", { class: "row checks" }, el("legend", { class: "plain" }, `What ${title} is told of`), ...boxes.map((box) => box.root), texts.root),
    said,
    fault,
  );
  /** @type {Switches} */
  let known = { classes: [], texts: false };
  const show = () => {
    for (const { input } of boxes) input.checked = known.classes.includes(input.name);
    texts.input.checked = known.texts;
  };
  const save = async () => {
    const classes = boxes.filter(({ input }) => input.checked).map(({ input }) => input.name);
    fault.hidden = true;
    try {
      await post(NOTIFY_OUTLET, { outlet: name, classes: classes.join(","), texts: String(texts.input.checked) });
    } catch (error) {
      // What was not taken is not shown as if it were.
      show();
      setText(fault, sentence(error));
      fault.hidden = false;
    }
  };
  for (const { input } of [...boxes, texts]) input.addEventListener("change", () => void save());
  test.addEventListener("click", async () => {
    test.setAttribute("aria-busy", "true");
    setText(said, "It is being tried…");
    try {
      const { tested } = await post(NOTIFY_TEST, { outlet: name });
      const lines = tested.map((/** @type {any} */ one) => `${one.is_accepted ? "✓" : "✗"} ${one.outlet}: ${one.answer}`);
      setText(said, lines.join("; "));
      said.className = tested.every((/** @type {any} */ one) => one.is_accepted) ? "ok wrap" : "bad wrap";
    } catch (error) {
      setText(said, `✗ ${sentence(error)}`);
      said.className = "bad wrap";
    }
    test.removeAttribute("aria-busy");
  });
  /** @param {Outlet & {switches: Switches}} outlet */
  const update = ({ switches, where: place, answer, is_ready: isReady }) => {
    known = switches;
    show();
    setText(where, place);
    test.setAttribute("aria-disabled", String(!isReady));
    if (said.textContent === "" && answer) setText(said, `Last: ${answer}`);
  };
  return { root, update };
}

export function quietForm() {
  const on = check("is_on", "quiet hours");
  const start = el("input", { type: "time", name: "start", required: true });
  const end = el("input", { type: "time", name: "end", required: true });
  const zone = el("input", { type: "text", name: "zone", maxlength: "64", spellcheck: "false", autocomplete: "off" });
  const boxes = CLASSES.map(([key, text]) => check(key, text));
  const fault = el("p", { class: "form-error", role: "alert", hidden: true });
  const form = el(
    "form",
    { class: "panel card hours" },
    el("div", { class: "row" }, el("h3", {}, on.root)),
    el(
      "div",
      { class: "row fields" },
      el("label", { class: "field" }, "from", start),
      el("label", { class: "field" }, "to", end),
      el("label", { class: "field wide" }, "time zone", zone),
    ),
    el("fieldset", { class: "row checks" }, el("legend", {}, "These pass all the same:"), ...boxes.map((box) => box.root)),
    el("p", { class: "muted" }, "What comes meanwhile is summed up at the end."),
    fault,
    el("div", { class: "row" }, el("button", { class: "go" }, ...label("✓ S4V3", "Save quiet hours"))),
  );
  let isTouched = false;
  form.addEventListener("input", () => {
    isTouched = true;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const passing = boxes.filter(({ input }) => input.checked).map(({ input }) => input.name);
    fault.hidden = true;
    try {
      await post(NOTIFY_QUIET, {
        is_on: String(on.input.checked),
        start: start.value,
        end: end.value,
        zone: zone.value.trim(),
        passing: passing.join(","),
      });
      isTouched = false;
      toast(on.input.checked ? "Quiet hours are set." : "Quiet hours are off.");
    } catch (error) {
      setText(fault, sentence(error));
      fault.hidden = false;
    }
  });
  /** @param {Quiet} quiet */
  const update = (quiet) => {
    // What is being typed in is left alone until it is saved.
    if (isTouched) return;
    on.input.checked = quiet.is_on;
    start.value = quiet.start;
    end.value = quiet.end;
    const isUnset = !quiet.is_on && quiet.zone === "UTC";
    zone.value = isUnset ? Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC" : quiet.zone;
    for (const { input } of boxes) input.checked = quiet.passing.includes(input.name);
  };
  return { root: form, update };
}
