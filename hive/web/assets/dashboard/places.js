// @ts-check
/** Going where the page's address says: to its tab, its section, or the one thing it names. */

import { toast } from "../shared/toast.js";
import { REVEAL, reveal } from "../shared/reveal.js";
import { goneText, tabIn, thingIn } from "./address.js";

/** @typedef {import("./address.js").Thing} Thing */

const MARK_MS = 1600;

/** @param {string} id of an element of the page @returns {string | null} */
function tabOfSection(id) {
  const place = document.getElementById(id)?.closest("[data-in]");
  return place instanceof HTMLElement ? (place.dataset.in ?? null) : null;
}

const areTabsShown = () => document.querySelector(".tabs")?.checkVisibility() === true;

/** @type {Record<string, (id: string) => string>} the selectors of what shows a thing, the best first */
const SHOWN = {
  agent: (id) => `[data-agent="${id}"]`,
  approval: (id) => `#approvals [data-approval="${id}"], #approvals [data-decided="${id}"]`,
  question: (id) => `#questions [data-question="${id}"], #questions [data-closed="${id}"]`,
  job: (id) => `#jobs [data-job="${id}"]`,
  reminder: (id) => `#reminders [data-reminder="${id}"]`,
  mail: (id) => `#inbox [data-message="${id}"]`,
};

export class Places {
  /**
   * @param {HTMLElement} main the part of the page that has tabs
   * @param {{
   *   message: (id: number) => void, thread: (id: number) => void, job: (id: number) => void,
   *   older: Record<string, (id: number) => Promise<string | null>>, told: (tab: string) => void
   * }} does shows a message, a thread, the log of a job; `older`: by kind, shows what is not on the
   *   page (null, or why it cannot); is told which tab is shown
   */
  constructor(main, does) {
    this._main = main;
    this._does = does;
    this._followed = "";
    this._isReady = false;
    window.addEventListener("hashchange", () => this.follow());
    window.addEventListener("popstate", () => this.follow());
    document.addEventListener("click", (event) => this._clicked(event));
    main.addEventListener(REVEAL, (event) => this._revealed(/** @type {Element} */ (event.target)));
    this._show(this._tab());
  }

  /** What the page shows is there: an address that names a thing can be followed. */
  ready() {
    if (this._isReady) return;
    this._isReady = true;
    this.follow();
  }

  /** Go where the address says, once for each change of it. @param {boolean} [isAgain] */
  follow(isAgain = false) {
    this._show(this._tab());
    if (!this._isReady || (location.href === this._followed && !isAgain)) return;
    this._followed = location.href;
    const thing = thingIn(location.hash);
    if (thing) this._goTo(thing);
    else this._goToSection(location.hash.slice(1));
  }

  _tab() {
    return tabIn(location.hash, location.search, tabOfSection);
  }

  /** @param {string} tab */
  _show(tab) {
    if (this._main.dataset.tab === tab) return;
    this._main.dataset.tab = tab;
    document.body.dataset.tab = tab;
    this._does.told(tab);
  }

  /** A link to where one is already changes no address. @param {MouseEvent} event */
  _clicked(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[href^='#']") : null;
    if (link?.getAttribute("href") === location.hash) this.follow(true);
  }

  /** Something on another tab is wanted: the address says so, and back leads back. @param {Element} node */
  _revealed(node) {
    const place = node.closest("[data-in]");
    const tab = place instanceof HTMLElement ? place.dataset.in : undefined;
    if (tab === undefined || tab === this._main.dataset.tab) return;
    this._show(tab);
    if (!areTabsShown() || this._tab() === tab) return;
    history.pushState(null, "", `${location.pathname}${location.search}#${tab}`);
    this._followed = location.href;
  }

  /** @param {Thing} thing */
  _goTo(thing) {
    if (thing.kind === "message" || thing.kind === "thread") return this._does[thing.kind](Number(thing.id));
    const node = document.querySelector(SHOWN[thing.kind](thing.id));
    if (!(node instanceof HTMLElement)) return void this._missing(thing);
    arrive(node, "center");
    node.classList.add("found");
    setTimeout(() => node.classList.remove("found"), MARK_MS);
    if (thing.kind === "job") this._does.job(Number(thing.id));
    // How it was decided stands in the row; what it was about is its diff.
    if (node.dataset.decided) /** @type {HTMLElement | null} */ (node.querySelector("button.link"))?.click();
  }

  /** It is not on the page; what is older than that can be asked for. @param {Thing} thing */
  async _missing(thing) {
    if (thing.kind === "mail") return this._does.message(Number(thing.id));
    const ask = this._does.older[thing.kind];
    const problem = ask ? await ask(Number(thing.id)) : goneText(thing);
    if (problem) toast(problem, "bad");
  }

  /** @param {string} id */
  _goToSection(id) {
    const node = id ? document.getElementById(id) : null;
    if (node) {
      if (node.dataset.in === undefined) arrive(node, "start");
      else node.scrollIntoView({ block: "start" });
    } else if (id) {
      toast(`There is nothing here by the name of ${id}.`, "bad");
    }
  }
}

/** @param {HTMLElement} node gets into sight and has the focus @param {"start" | "center"} block */
function arrive(node, block) {
  reveal(node);
  if (!node.hasAttribute("tabindex")) node.tabIndex = -1;
  const isTall = node.offsetHeight > window.innerHeight / 2;
  node.scrollIntoView({ block: isTall ? "start" : block });
  node.focus({ preventScroll: true });
}
