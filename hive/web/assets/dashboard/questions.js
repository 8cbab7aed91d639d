// @ts-check
/** Questions agents ask: those to the operator with a form, those between agents to look on. */

import { el, keyed, label } from "../shared/dom.js";
import { actionForm, growing, showError } from "../shared/form.js";
import { markdown } from "../shared/markdown.js";
import { upright } from "../shared/odd.js";
import { duration, ticking, timeTag } from "../shared/time.js";
import { foldedSection, section } from "./section.js";
import { answerQuestion, cancelQuestion } from "./urls.js";

/** @typedef {import("../shared/wire.js").Question} Question */

export function questionsView() {
  const list = el("ul", { class: "stack" });
  const empty = el(
    "p",
    { class: "empty" },
    el("strong", {}, "No open questions."),
    " When an agent needs a decision from you, it asks here and goes on once you answer.",
  );
  const done = el("ul", { class: "stack compact" });
  const history = foldedSection(
    { id: "answered", leet: "4NSW3R3D", plain: "Answered questions" },
    done,
  );
  const { root, count } = section(
    { id: "questions", leet: "M1ND H4S QU3STI0NS", plain: "Questions" },
    list,
    empty,
    history.root,
  );
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    keyed(list, state.questions, (one) => String(one.id), questionCard);
    keyed(done, state.question_history, (one) => String(one.id), answeredRow);
    empty.hidden = state.questions.length > 0;
    list.hidden = state.questions.length === 0;
    history.root.hidden = state.question_history.length === 0;
    history.count(String(state.question_history.length));
    count(state.questions.length ? `${state.questions.length} open` : "");
  };
  return { root, update };
}

/** @param {Question} one */
const isPeer = (one) => one.target !== null && one.target !== "operator";

/** @param {Question} one */
const whoOf = (one) => (isPeer(one) ? `${one.asker} → ${one.target}` : one.asker);

/** @param {Question} one */
function questionCard(one) {
  const left = el("span", { class: "badge warm", hidden: one.deadline_at === null });
  const deadline = one.deadline_at;
  if (deadline !== null) ticking(left, (now) => `◷ ${duration(deadline - now)} left`);
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
      el("span", { class: "muted push" }, `#${one.id} · `, timeTag(one.asked_at, "ago")),
    ),
    markdown(one.question),
    answerForm(one, cancel.button),
    cancel.form,
  );
  return { root, update: () => undefined };
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
    : label("◆ 4NSW3R", `Answer ${one.asker}`);
  const form = el(
    "form",
    { class: "stack", action: answerQuestion(one.id), method: "post", "data-async": true, "data-only": "answer" },
    options.length > 0 &&
      el("fieldset", { class: "options" }, el("legend", { class: "sr-only" }, one.question), ...options),
    area,
    answer,
    el("div", { class: "row" }, el("button", { class: isPeer(one) ? "mauve" : "go" }, ...words), cancel),
  );
  growing(area, () => form.requestSubmit());
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
    label("✗ C4NC3L", `Cancel the question of ${one.asker}`),
  );
  // Forms do not nest, but a button may stand outside of its own.
  made.form.id = `cancel-question-${one.id}`;
  made.button.setAttribute("form", made.form.id);
  return made;
}

/** @param {Question} one */
function answeredRow(one) {
  const root = el(
    "li",
    { class: "decided stack" },
    el(
      "div",
      { class: "row" },
      el("strong", {}, whoOf(one)),
      el("span", { class: "muted" }, "asked"),
      el("span", { class: "push muted" }, `#${one.id} · `, one.answered_at ? timeTag(one.answered_at, "ago") : ""),
    ),
    el("p", { class: "wrap muted" }, ...upright(one.question)),
    el("p", { class: "wrap" }, `↳ ${one.answerer ?? "?"}: `, ...upright(one.answer ?? "")),
  );
  return { root, update: () => undefined };
}
