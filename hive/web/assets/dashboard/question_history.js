// @ts-check
/** Closed questions: who closed them and how, narrowed at will, and read on as far as there are any. */

import { getJson, sentence } from "../shared/api.js";
import { sidePanel } from "../shared/dialog.js";
import { el, keyed, setAttr, setText } from "../shared/dom.js";
import { markdown } from "../shared/markdown.js";
import { timeTag } from "../shared/time.js";
import { linkFilesOf } from "./file_refs.js";
import { ownLink } from "./own_link.js";
import { closedBy, howOf, HOW_WORDS, inOrder, whoOf } from "./question_words.js";
import { foldedSection } from "./section.js";
import { closedQuestions, questionOf } from "./urls.js";

/** @typedef {import("../shared/wire.js").Question} Question */

const SNAPSHOT_ROWS = 30;

export function questionHistory() {
  const list = el("ul", { class: "stack compact" });
  const how = el("select", { name: "how", "aria-label": "How it was closed" }, ...HOW_WORDS.map(([value, text]) => el("option", { value }, text)));
  const who = el("select", { name: "name", "aria-label": "Who asked, was asked or answered" }, el("option", { value: "" }, "anybody"), el("option", { value: "operator" }, "operator"));
  const none = el("p", { class: "empty", hidden: true }, "None of that kind.");
  const problem = el("p", { class: "form-error", role: "alert", hidden: true });
  const more = el("button", { type: "button" }, "Older ones");
  const { root, count } = foldedSection(
    { id: "answered", leet: "4NSW3R3D", plain: "Closed questions" },
    el("div", { class: "row narrow filters" }, how, who),
    list,
    none,
    problem,
    el("div", { class: "row" }, more),
  );
  /** @type {Question[]} */
  let newest = [];
  /** @type {Question[]} what was read behind them, or of a kind */
  let older = [];
  let isEnd = false;
  let asked = 0;
  let people = -1;
  const isNarrowed = () => how.value !== "" || who.value !== "";
  /** @param {Question} one */
  const isWanted = (one) =>
    (how.value === "" || (one.how ?? "answered") === how.value) &&
    (who.value === "" || [one.asker, one.target ?? "operator", one.answerer].includes(who.value));
  const show = () => {
    const rows = inOrder([...newest, ...older].filter(isWanted));
    keyed(list, rows, (one) => String(one.id), closedRow);
    none.hidden = rows.length > 0;
    more.hidden = isEnd || (!isNarrowed() && older.length === 0 && newest.length < SNAPSHOT_ROWS);
  };
  /** @param {boolean} isFirst of another kind */
  const read = async (isFirst) => {
    asked += 1;
    const mine = asked;
    if (isFirst) {
      older = [];
      isEnd = false;
      show();
    }
    const last = isFirst ? null : inOrder([...newest, ...older].filter(isWanted)).at(-1);
    setAttr(more, "aria-busy", "true");
    try {
      const page = await getJson(closedQuestions({ how: how.value, name: who.value, before: last?.id ?? null }));
      if (mine !== asked) return;
      older = [...older, ...page.questions];
      isEnd = page.is_end;
      say("");
      show();
    } catch (error) {
      if (mine === asked) say(sentence(error));
    } finally {
      if (mine === asked) setAttr(more, "aria-busy", null);
    }
  };
  /** @param {string} text */
  const say = (text) => {
    setText(problem, text);
    problem.hidden = text === "";
  };
  for (const one of [how, who]) one.addEventListener("change", () => void read(true));
  more.addEventListener("click", () => void read(false));
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    if (state.question_history === newest && state.containers.length === people) return;
    people = state.containers.length;
    // What was the newest once may have been read no other way.
    if (older.length > 0) older = inOrder([...older, ...newest]);
    newest = state.question_history;
    // Who asked may be gone, and what was asked is still there.
    const names = [...state.containers.map((row) => row.name), ...newest.flatMap((one) => [one.asker, one.target])];
    const known = new Set([...who.options].map((option) => option.value));
    for (const name of new Set(names)) if (name && !known.has(name)) who.append(el("option", { value: name }, name));
    root.hidden = newest.length === 0;
    count(`${newest.length}${newest.length < SNAPSHOT_ROWS ? "" : "+"}`);
    show();
  };
  return { root, update };
}

/** One that is older than those shown. @param {number} id @returns {Promise<string | null>} why it cannot be shown */
export async function openClosed(id) {
  try {
    const one = /** @type {Question} */ (await getJson(questionOf(id)));
    const { root } = closedRow(one);
    sidePanel(`Question #${id}`, el("ul", { class: "one-closed", tabindex: "0", "aria-label": "the question" }, root));
    return null;
  } catch (error) {
    return sentence(error);
  }
}

/** @param {Question} one */
function closedRow(one) {
  const [word, tone] = howOf(one);
  const question = markdown(one.question);
  const answer = markdown(one.answer ?? "");
  linkFilesOf(one.id, one.question, question, "question_refs");
  linkFilesOf(one.id, one.answer ?? "", answer, "answer_refs");
  const isWords = one.how !== "expired" && one.how !== "cancelled";
  const root = el(
    "li",
    { class: "decided stack", "data-closed": one.id },
    el(
      "div",
      { class: "row" },
      el("strong", {}, whoOf(one)),
      el("span", { class: `badge ${tone}` }, word),
      el("span", { class: "muted" }, `by ${closedBy(one)}`),
      el("span", { class: "push muted" }, ownLink("question", one.id), " · ", one.answered_at ? timeTag(one.answered_at, "ago") : ""),
    ),
    el("div", { class: "muted" }, question),
    isWords && el("div", { class: "answered" }, el("span", { "aria-hidden": "true" }, "↳ "), answer),
  );
  return { root, update: () => undefined };
}
