// @ts-check
/** Questions agents ask: those to the operator with a form, those between agents to look on. */

import { el, keyed, label, setAttr, setText } from "../shared/dom.js";
import { drafted, draftOf, keepDraft, questionDraft } from "../shared/drafts.js";
import { actionForm, growing, showError } from "../shared/form.js";
import { markdown } from "../shared/markdown.js";
import { upright } from "../shared/odd.js";
import { REVEAL } from "../shared/reveal.js";
import { keep, kept } from "../shared/session.js";
import { ticking, timeTag } from "../shared/time.js";
import { linkFilesOf } from "./file_refs.js";
import { ownLink } from "./own_link.js";
import { questionHistory } from "./question_history.js";
import { ALL, filtersOf, fits, isPeer, timeLeft, whoOf } from "./question_words.js";
import { section } from "./section.js";
import { answerQuestion, cancelQuestion } from "./urls.js";

/** @typedef {import("../shared/wire.js").Question} Question */

const FILTER = "questions";

export function questionsView() {
  const list = el("ul", { class: "stack" });
  const empty = el(
    "p",
    { class: "empty" },
    el("strong", {}, "No open questions."),
    " When an agent needs a decision from you, it asks here and goes on once you answer.",
  );
  const chips = el("div", { class: "row narrow filters", role: "group", "aria-label": "Which questions are shown" });
  const unseen = el("p", { class: "empty", hidden: true }, "No open question of that kind.");
  const history = questionHistory();
  const { root, count } = section(
    { id: "questions", leet: "M1ND H4S QU3STI0NS", plain: "Questions" },
    chips,
    list,
    unseen,
    empty,
    history.root,
  );
  let chosen = kept(FILTER) ?? ALL;
  /** @type {Question[]} */
  let open = [];
  /** @param {string} filter */
  const choose = (filter) => {
    chosen = filter;
    keep(FILTER, filter);
    show();
  };
  const show = () => {
    const shown = open.filter((one) => fits(one, chosen));
    keyed(chips, filtersOf(open, chosen), (one) => one.filter, (one) => filterChip(one.filter, () => chosen, choose));
    // What is not wanted now is hidden, not thrown away: an answer may be half typed.
    keyed(list, open.map((one) => ({ one, isShown: fits(one, chosen) })), ({ one }) => String(one.id), questionCard);
    chips.hidden = open.length < 2 && chosen === ALL;
    list.hidden = shown.length === 0;
    unseen.hidden = open.length === 0 || shown.length > 0;
    empty.hidden = open.length > 0;
    count(open.length ? `${open.length} open` : "");
  };
  list.addEventListener(REVEAL, (event) => {
    // One that the filter leaves out is wanted.
    if (event.target instanceof Element && event.target.closest("[data-question][hidden]")) choose(ALL);
  });
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    open = state.questions;
    show();
    history.update(state);
  };
  return { root, update };
}

/** @param {string} filter @param {() => string} chosen @param {(filter: string) => void} choose */
function filterChip(filter, chosen, choose) {
  const button = el("button", { type: "button", class: "badge filter" });
  button.addEventListener("click", () => choose(filter));
  /** @param {{count: number}} now */
  const update = ({ count }) => {
    setText(button, `${filter} ${count}`);
    setAttr(button, "aria-pressed", String(chosen() === filter));
  };
  return { root: button, update };
}

/** What is left of its time, louder at the end. @param {Question} one */
function countdown(one) {
  const words = el("span", { class: "left" });
  const root = el("span", { class: "badge", hidden: one.deadline_at === null, title: "then the asker is told that nobody answered, and goes on" }, el("span", { class: "glyph", "aria-hidden": "true" }, "◷"), words);
  if (one.deadline_at === null) return root;
  ticking(words, (now) => {
    const { text, isUrgent } = timeLeft(one, now);
    setAttr(root, "class", isUrgent ? "badge danger pulse" : "badge warm");
    return text;
  });
  return root;
}

/** @param {{one: Question}} first */
function questionCard({ one }) {
  const left = countdown(one);
  const text = markdown(one.question);
  linkFilesOf(one.id, one.question, text, "question_refs");
  const cancel = cancelForm(one);
  const root = el(
    "li",
    { class: `panel card ${isPeer(one) ? "peer" : "waiting"}`, "data-question": one.id },
    el(
      "div",
      { class: "row" },
      el("strong", { id: `q${one.id}` }, whoOf(one)),
      el("span", { class: "muted" }, "asks"),
      left,
      el("span", { class: "muted push" }, ownLink("question", one.id), " · ", timeTag(one.asked_at, "ago")),
    ),
    text,
    answerForm(one, cancel.button),
    cancel.form,
  );
  return { root, update: (/** @type {{isShown: boolean}} */ now) => void (root.hidden = !now.isShown) };
}

/** @param {Question} one @param {HTMLElement} cancel stands beside the answer */
function answerForm(one, cancel) {
  const type = one.multi ? "checkbox" : "radio";
  const options = one.options.map((option) =>
    el("label", { class: "option" }, el("input", { type, name: "option", value: option }), el("span", {}, ...upright(option))),
  );
  const area = el("textarea", {
    rows: 1,
    name: "free",
    "aria-label": `Your answer to ${one.asker}`,
    placeholder: one.options.length ? "or type your own…" : "your answer…",
  });
  const answer = el("input", { type: "hidden", name: "answer" });
  const words = isPeer(one)
    ? label("0V3RR1D3", `Answer in place of ${one.target}`)
    : label("◆ 4NSW3R", "Answer", one.asker);
  const form = el(
    "form",
    { class: "stack", action: answerQuestion(one.id), method: "post", "data-async": true, "data-only": "answer" },
    options.length > 0 &&
      el("fieldset", { class: "options" }, el("legend", { class: "sr-only" }, one.question), ...options),
    area,
    answer,
    el("div", { class: "row" }, el("button", { class: isPeer(one) ? "mauve" : "go" }, ...words), cancel),
  );
  const grow = growing(area, () => form.requestSubmit());
  if (restored(one, form, area)) requestAnimationFrame(grow);
  // Registered on the form itself, so that it runs before the page's own submit listener.
  form.addEventListener("submit", (event) => {
    const chosen = [...form.querySelectorAll("input[name=option]:checked")];
    const parts = chosen.map((node) => /** @type {HTMLInputElement} */ (node).value);
    answer.value = [...parts, area.value.trim()].filter(Boolean).join(", ");
    if (answer.value) return;
    event.preventDefault();
    event.stopPropagation();
    showError(form, options.length ? "Choose an option or type an answer." : "Type an answer.");
  });
  return form;
}

/**
 * What was chosen and typed before the page was loaded anew; from now on it is kept.
 * @param {Question} one @param {HTMLFormElement} form @param {HTMLTextAreaElement} area
 */
function restored(one, form, area) {
  const boxes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("input[name=option]")]);
  const name = questionDraft(one.id, one.question, "chosen");
  const chosen = new Set(draftOf(name).split(","));
  boxes.forEach((box, at) => (box.checked = chosen.has(String(at))));
  drafted(area, questionDraft(one.id, one.question));
  form.addEventListener("change", () => keepDraft(name, boxes.flatMap((box, at) => (box.checked ? [at] : [])).join(",")));
  form.addEventListener("hive:done", () => keepDraft(name, ""));
  return area.value !== "";
}

/** @param {Question} one */
function cancelForm(one) {
  const made = actionForm(
    {
      url: cancelQuestion(one.id),
      leet: "",
      plain: "Cancel",
      tone: "quiet danger",
      danger: true,
      title: "Cancel this question?",
      confirm: `${one.asker} gets the answer [cancelled] and goes on without one.`,
      button: "Cancel the question",
    },
    label("✗ C4NC3L", "Cancel", `the question of ${one.asker}`),
  );
  // Forms do not nest, but a button may stand outside of its own.
  made.form.id = `cancel-question-${one.id}`;
  made.button.setAttribute("form", made.form.id);
  return made;
}
