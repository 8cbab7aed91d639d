// @ts-check
/** What waits for the operator's yes or no, the form for a new agent, and what was decided. */

import { getJson, sentence } from "../shared/api.js";
import { el, keyed, label, setText } from "../shared/dom.js";
import { actionForm } from "../shared/form.js";
import { revealed } from "../shared/odd.js";
import { timeTag } from "../shared/time.js";
import { diffPanel } from "./diff_panel.js";
import { summaryOf } from "./diff_text.js";
import { foldedSection, section } from "./section.js";
import { approvalDiff, approve, deny } from "./urls.js";
import { approvalTitle, inputsOf, kindOf, outcomeOf, shortSha } from "./words.js";

/** @typedef {import("../shared/wire.js").Approval} Approval */

const FILES_SHOWN = 6;
const FIRST_STEP =
  "The first of two steps: a repository with a template. Nothing runs yet; the agent itself is asked for with a commit.";

/** @param {HTMLElement} request the form for a new agent */
export function approvalsView(request) {
  const list = el("ul", { class: "stack" });
  const empty = el(
    "p",
    { class: "empty" },
    el("strong", {}, "Nothing waits for you."),
    " New agents, and commits that change one, stop here until you say yes; nothing of them runs before.",
  );
  const done = el("ul", { class: "stack compact" });
  const history = foldedSection(
    { id: "decided", leet: "D3C1D3D", plain: "Decided approvals" },
    done,
  );
  const { root, count } = section(
    { id: "approvals", leet: "P3NDING APPR0VALS", plain: "Pending approvals" },
    list,
    empty,
    request,
    history.root,
  );
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    keyed(list, state.approvals, (one) => String(one.id), approvalCard);
    keyed(done, state.approval_history, (one) => `${one.id} ${one.status} ${one.note}`, decidedRow);
    empty.hidden = state.approvals.length > 0;
    list.hidden = state.approvals.length === 0;
    history.root.hidden = state.approval_history.length === 0;
    history.count(String(state.approval_history.length));
    count(state.approvals.length ? `${state.approvals.length} pending` : "");
  };
  return { root, update };
}

/** @param {Approval} one @returns {HTMLFormElement[]} yes and no */
function decisions(one) {
  const what = approvalTitle(one);
  const yes = actionForm(
    { url: approve(one.id), leet: "", plain: "Approve", tone: "go primary" },
    label("◆ APPR0VE", `Approve ${what}`),
  );
  const no = actionForm(
    {
      url: deny(one.id),
      leet: "",
      plain: "Deny",
      tone: "danger",
      danger: true,
      title: `Deny ${what}, #${one.id}?`,
      confirm: "Whoever asked is told, with your reason if you give one.",
      prompt: "Reason (can be left out)",
      button: "Deny",
    },
    label("DENY", `Deny ${what}`),
  );
  return [yes.form, no.form];
}

/** @param {Approval} one */
function approvalCard(one) {
  const inputs = inputsOf(one);
  const root = el(
    "li",
    { class: "panel card waiting", "data-approval": one.id },
    el(
      "div",
      { class: "row" },
      inputs.length === 0 && el("strong", {}, one.agent),
      el("span", { class: "chip" }, kindOf(one)),
      one.fetched_sha && el("code", { class: "muted", title: one.fetched_sha }, shortSha(one.fetched_sha)),
      el("span", { class: "muted push" }, `#${one.id} · `, timeTag(one.requested_at, "ago")),
    ),
    one.description && el("p", { class: "wrap" }, ...revealed(one.description)),
    one.note && el("p", { class: "wrap warn" }, "⚠ ", ...revealed(one.note)),
    one.kind === "init_config" && el("p", { class: "muted" }, FIRST_STEP),
    inputs.length > 0 && el("p", { class: "row" }, ...inputs.map((name) => el("code", { class: "chip" }, ...revealed(name)))),
    one.fetched_sha && changes(one),
    el("div", { class: "row" }, ...decisions(one), one.fetched_sha && diffButton(one, decisions)),
  );
  return { root, update: () => undefined };
}

/** @param {Approval} one @param {((one: Approval) => HTMLFormElement[]) | null} decide */
function diffButton(one, decide) {
  const button = el(
    "button",
    { type: "button", class: decide ? "calm" : "link" },
    ...label(decide ? "± D1FF" : "± diff", `Show the diff of ${approvalTitle(one)}`),
  );
  button.addEventListener("click", () => void diffPanel(one, decide ? decide(one) : []));
  return button;
}

/** Asked one after another: a queue of proposals is no reason for a burst. */
let asked = Promise.resolve();

/** What would change of what runs, in short. @param {Approval} one */
function changes(one) {
  const head = el("span", { class: "muted" }, "…");
  const names = el("ul", { class: "files" });
  const root = el("div", { class: "changes" }, head, names);
  const load = async () => {
    if (!root.isConnected) return;
    try {
      const { files } = /** @type {import("../shared/wire.js").Diff} */ (await getJson(approvalDiff(one.id, "running")));
      setText(head, files.length ? summaryOf(files) : "no difference to what was deployed last");
      const rest = files.length - FILES_SHOWN;
      names.replaceChildren(
        ...files.slice(0, FILES_SHOWN).map((file) => el("li", {}, el("code", { class: "wrap" }, ...revealed(file.path)))),
        ...(rest > 0 ? [el("li", { class: "muted" }, `and ${rest} more`)] : []),
      );
    } catch (error) {
      setText(head, `The changes cannot be read: ${sentence(error)}`);
    }
  };
  // Not before the card stands in the page, and not for one that is gone when its turn comes.
  queueMicrotask(() => {
    asked = asked.then(load);
  });
  return root;
}

/** @param {Approval} one */
function decidedRow(one) {
  const [glyph, tone, word] = outcomeOf(one.status);
  const root = el(
    "li",
    { class: "row decided", "data-decided": one.id },
    el("span", { class: `badge ${tone}` }, el("span", { "aria-hidden": "true" }, glyph), word),
    el("span", {}, approvalTitle(one)),
    one.fetched_sha && diffButton(one, null),
    el("span", { class: "push muted" }, `#${one.id} · `, one.resolved_at ? timeTag(one.resolved_at, "ago") : ""),
    one.note && el("p", { class: "note wrap muted" }, ...revealed(one.note)),
  );
  return { root, update: () => undefined };
}
