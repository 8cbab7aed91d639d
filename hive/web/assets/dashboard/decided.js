// @ts-check
/** What was decided: the newest with the snapshot, older ones page by page when they are wanted. */

import { getJson, sentence } from "../shared/api.js";
import { el, keyed, label, setText } from "../shared/dom.js";
import { revealed } from "../shared/odd.js";
import { timeTag } from "../shared/time.js";
import { toast } from "../shared/toast.js";
import { manyComments } from "./decisions.js";
import { older } from "./decided_rows.js";
import { ownLink } from "./own_link.js";
import { openReview } from "./review.js";
import { foldedSection } from "./section.js";
import { approvalOf, decidedBefore } from "./urls.js";
import { approvalTitle, outcomeOf, shortSha } from "./words.js";

/** @typedef {import("../shared/wire.js").Approval} Approval */

const OUTCOMES = ["approved", "denied", "failed", "cancelled"];

export function decidedView() {
  const list = el("ul", { class: "stack compact" });
  const agent = el("select", { "aria-label": "Agent" }, el("option", { value: "" }, "every agent"));
  const outcome = el(
    "select",
    { "aria-label": "Outcome" },
    el("option", { value: "" }, "every outcome"),
    ...OUTCOMES.map((status) => el("option", { value: status }, outcomeOf(status)[2])),
  );
  const more = el("button", { type: "button", class: "calm" }, "Older ones");
  const told = el("p", { class: "muted", role: "status" });
  const { root, count } = foldedSection(
    { id: "decided", leet: "D3C1D3D", plain: "Decided approvals" },
    el("div", { class: "row filters" }, agent, outcome),
    list,
    el("div", { class: "row" }, more, told),
  );
  /** @type {Approval[]} */
  let newest = [];
  /** @type {Approval[]} */
  let read = [];
  let isMore = true;
  let asked = 0;
  const show = () => {
    const rows = older(newest, read, agent.value, outcome.value);
    keyed(list, rows, (one) => `${one.id} ${one.status} ${one.note} ${one.comments}`, decidedRow);
    more.hidden = !isMore;
    const isFiltered = agent.value !== "" || outcome.value !== "";
    setText(told, rows.length === 0 ? (isFiltered ? "Nothing ended so." : "Nothing was decided yet.") : "");
  };
  const ask = async (/** @type {boolean} */ isAnew) => {
    const mine = ++asked;
    if (isAnew) read = [];
    const rows = older(newest, read, agent.value, outcome.value);
    const before = isAnew || rows.length === 0 ? null : rows[rows.length - 1].id;
    try {
      const page = await getJson(decidedBefore({ agent: agent.value, outcome: outcome.value, before }));
      if (mine !== asked) return;
      read = [...read, ...page.approvals];
      isMore = page.next !== null;
      show();
    } catch (error) {
      if (mine === asked) setText(told, sentence(error));
    }
  };
  more.addEventListener("click", () => void ask(false));
  agent.addEventListener("change", () => void ask(true));
  outcome.addEventListener("change", () => void ask(true));
  /** @type {import("../shared/wire.js").DashboardState | null} */
  let known = null;
  const update = (/** @type {import("../shared/wire.js").DashboardState} */ state) => {
    if (state !== known) {
      // A new snapshot: between it and what was read before others may have been decided.
      known = state;
      read = [];
      isMore = state.approval_history.length > 0;
      asked += 1;
    }
    // What was among the newest once may have been read no other way.
    if (read.length > 0 && newest !== state.approval_history) read = older(newest, read, "", "");
    newest = state.approval_history;
    offer(agent, [...state.containers.map((row) => row.name), ...newest.map((one) => one.agent)]);
    root.hidden = newest.length === 0;
    count(newest.length ? "the newest first" : "");
    show();
  };
  return { root, update };
}

/**
 * One that is older than those shown: how it was decided, and what it was about where that is a commit.
 * @param {number} id @returns {Promise<string | null>} a sentence when it cannot be shown
 */
export async function openDecided(id) {
  try {
    const one = /** @type {Approval} */ (await getJson(approvalOf(id)));
    if (one.fetched_sha) await openReview(one, []);
    else toast([`#${id} ${approvalTitle(one)}: ${outcomeOf(one.status)[2]}`, one.note].filter(Boolean).join(" — "));
    return null;
  } catch (error) {
    return sentence(error);
  }
}

/** @param {HTMLSelectElement} select @param {string[]} names those that are missing are added */
function offer(select, names) {
  const there = new Set([...select.options].map((option) => option.value));
  for (const name of new Set(names)) if (!there.has(name)) select.append(el("option", { value: name }, name));
}

/** @param {Approval} one */
function decidedRow(one) {
  const [glyph, tone, word] = outcomeOf(one.status);
  const diff = one.fetched_sha && el("button", { type: "button", class: "link" }, ...label("± diff", "Show the diff", `of ${approvalTitle(one)}`));
  if (diff) diff.addEventListener("click", () => void openReview(one, []));
  const root = el(
    "li",
    { class: "row decided", "data-decided": one.id },
    el("span", { class: `badge ${tone}` }, el("span", { "aria-hidden": "true" }, glyph), word),
    el("span", {}, approvalTitle(one)),
    one.fetched_sha && el("code", { class: "muted", title: one.fetched_sha }, shortSha(one.fetched_sha)),
    diff,
    one.comments > 0 && el("span", { class: "chip" }, manyComments(one.comments)),
    el("span", { class: "push muted" }, ownLink("approval", one.id), " · ", one.resolved_by ? `${one.resolved_by} · ` : "", one.resolved_at ? timeTag(one.resolved_at, "ago") : ""),
    one.note && el("p", { class: "note wrap muted" }, ...revealed(one.note)),
  );
  return { root, update: () => undefined };
}
