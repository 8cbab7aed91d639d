// @ts-check
/** What waits for the operator's yes or no, the form for a new agent, and what was decided. */

import { el, keyed, label } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { timeTag } from "../shared/time.js";
import { foldedSection, section } from "./section.js";
import { approve, deny } from "./urls.js";

/** @typedef {import("../shared/wire.js").Approval} Approval */

/** @param {HTMLElement} request the form for a new agent */
export function approvalsView(request) {
  const list = el("ul", { class: "stack" });
  const empty = el(
    "p",
    { class: "empty" },
    el("strong", {}, "Nothing waits for you."),
    " New agents, and changes agents ask for, stop here until you say yes.",
  );
  const done = el("ul", { class: "stack compact" });
  const history = foldedSection(
    { id: "decided", leet: "D3C1D3D", plain: "Decided approvals" },
    done,
  );
  const { root, count } = section(
    { id: "approvals", leet: "P3NDING APPR0VALS", plain: "Pending approvals" },
    request,
    list,
    empty,
    history.root,
  );
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    keyed(list, state.approvals, (one) => String(one.id), approvalCard);
    keyed(done, state.approval_history, (one) => `${one.id} ${one.status}`, decidedRow);
    empty.hidden = state.approvals.length > 0;
    list.hidden = state.approvals.length === 0;
    history.root.hidden = state.approval_history.length === 0;
    history.count(String(state.approval_history.length));
    count(state.approvals.length ? `${state.approvals.length} pending` : "");
  };
  return { root, update };
}

/** @param {Approval} one */
function approvalCard(one) {
  const yes = actionForm(
    { url: approve(one.id), leet: "", plain: "Approve", tone: "go primary" },
    label("◆ APPR0VE", `Approve ${one.kind} of ${one.agent}`),
  );
  const no = actionForm(
    {
      url: deny(one.id),
      leet: "",
      plain: "Deny",
      tone: "danger",
      danger: true,
      title: `Deny ${one.kind} of ${one.agent}?`,
      confirm: "Whoever asked is told, with your reason if you give one.",
      prompt: "Reason (can be left out)",
      button: "Deny",
    },
    label("DENY", `Deny ${one.kind} of ${one.agent}`),
  );
  const ref = (one.fetched_sha ?? one.commit_ref ?? "").slice(0, 12);
  const root = el(
    "li",
    { class: "panel card waiting", "data-approval": one.id },
    el(
      "div",
      { class: "row" },
      el("strong", {}, one.agent),
      el("span", { class: "chip" }, one.kind),
      ref && el("code", { class: "muted" }, ref),
      el("span", { class: "muted push" }, `#${one.id} · `, timeTag(one.requested_at, "ago")),
    ),
    one.description && el("p", { class: "wrap" }, one.description),
    el("div", { class: "row" }, yes.form, no.form),
  );
  return { root, update: () => undefined };
}

/** @type {Record<string, [string, string]>} */
const OUTCOME = {
  approved: ["✓", "go"],
  denied: ["✗", "danger"],
  failed: ["!", "danger"],
  cancelled: ["◌", ""],
};

/** @param {Approval} one */
function decidedRow(one) {
  const [glyph, tone] = OUTCOME[one.status] ?? ["·", ""];
  const root = el(
    "li",
    { class: "row decided" },
    el("span", { class: `badge ${tone}` }, `${glyph} ${one.status}`),
    el("span", {}, `${one.kind} ${one.agent}`),
    one.note && el("span", { class: "wrap muted" }, one.note),
    el("span", { class: "push" }, one.resolved_at ? timeTag(one.resolved_at, "ago") : ""),
  );
  return { root, update: () => undefined };
}
