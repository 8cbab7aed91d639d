// @ts-check
/** What waits for the operator's yes or no, and the form for a new agent. */

import { getJson, sentence } from "../shared/api.js";
import { el, keyed, label, setAttr, setText } from "../shared/dom.js";
import { revealed } from "../shared/odd.js";
import { drawn } from "../shared/signs.js";
import { timeTag } from "../shared/time.js";
import { decidedView } from "./decided.js";
import { decisionsOn, manyComments } from "./decisions.js";
import { summaryOf } from "./diff_text.js";
import { ownLink } from "./own_link.js";
import { openReview } from "./review.js";
import { section } from "./section.js";
import { approvalDiff, forgeCommit } from "./urls.js";
import { approvalTitle, inputsOf, kindOf, shortSha } from "./words.js";

/** @typedef {import("../shared/wire.js").Approval} Approval */

const FILES_SHOWN = 6;
const FIRST_STEP =
  "The first of two steps: a repository with a template. Nothing runs yet; the agent itself is asked for with a commit.";

/** @type {string | null} the address of the forge, where there is one */
let forge = null;

/** @param {HTMLElement} request the form for a new agent */
export function approvalsView(request) {
  const list = el("ul", { class: "stack" });
  const empty = el(
    "p",
    { class: "empty" },
    el("strong", {}, "Nothing waits for you."),
    " New agents, and commits that change one, stop here until you say yes; nothing of them runs before.",
  );
  const history = decidedView();
  const { root, count } = section(
    { id: "approvals", leet: "P3NDING APPR0VALS", plain: "Pending approvals" },
    list,
    empty,
    request,
    history.root,
  );
  /** @param {import("../shared/wire.js").DashboardState} state */
  const update = (state) => {
    forge = state.forge.url;
    keyed(list, state.approvals, (one) => String(one.id), approvalCard);
    history.update(state);
    empty.hidden = state.approvals.length > 0;
    list.hidden = state.approvals.length === 0;
    count(state.approvals.length ? `${state.approvals.length} pending` : "");
  };
  return { root, update };
}

/** @param {Approval} one */
function approvalCard(one) {
  const inputs = inputsOf(one);
  const decisions = decisionsOn(one);
  const panelled = decisionsOn(one);
  const said = el("span", { class: "chip", hidden: true });
  const at = el("a", { target: "_blank", rel: "noopener noreferrer", hidden: true, title: "This commit at the forge" }, "forge ↗");
  const root = el(
    "li",
    { class: "panel card waiting", "data-approval": one.id },
    el(
      "div",
      { class: "row" },
      inputs.length === 0 && el("strong", {}, one.agent),
      el("span", { class: "chip" }, kindOf(one)),
      one.fetched_sha && el("code", { class: "muted", title: one.fetched_sha }, shortSha(one.fetched_sha)),
      el("span", { class: "muted push" }, ownLink("approval", one.id), " · ", timeTag(one.requested_at, "ago")),
    ),
    one.description && el("p", { class: "wrap" }, ...revealed(one.description)),
    one.note && el("p", { class: "wrap warn" }, ...drawn("⚠ "), ...revealed(one.note)),
    one.kind === "init_config" && el("p", { class: "muted" }, FIRST_STEP),
    inputs.length > 0 && el("p", { class: "row" }, ...inputs.map((name) => el("code", { class: "chip" }, ...revealed(name)))),
    one.fetched_sha && changes(one),
    el("div", { class: "row" }, ...decisions.forms, one.fetched_sha && diffButton(one, panelled), said, at),
  );
  const update = (/** @type {Approval} */ now) => {
    for (const each of [decisions, panelled]) each.update(now);
    said.hidden = now.comments === 0;
    setText(said, manyComments(now.comments));
    at.hidden = !forge || !now.fetched_sha;
    if (forge && now.fetched_sha) setAttr(at, "href", forgeCommit(forge, now.agent, now.fetched_sha));
  };
  return { root, update };
}

/** @param {Approval} one @param {ReturnType<typeof decisionsOn>} decisions those of the panel */
function diffButton(one, decisions) {
  const button = el("button", { type: "button", class: "calm" }, ...label("± D1FF", "Show the diff", `of ${approvalTitle(one)}`));
  button.addEventListener("click", () => void openReview(one, decisions.forms));
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
