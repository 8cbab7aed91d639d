// @ts-check
/**
 * An agent's icon and links, from its agent.toml. The daemon refuses what is no icon and no link;
 * what stands in a row is looked at again here, and shown as text.
 */

import { el, keyed, setText } from "./dom.js";

/** @typedef {import("./wire.js").AgentLink} AgentLink */

const MOST_LINKS = 8;
const MOST_LETTERS = 24;
const MOST_SIGNS = 8;
const PATH = /^[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?(?:[?#][!#-[\]-~]*)?$/;
const WEB = /^https?:\/\/[!#-[\]-~]+$/i;
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;
const JOINER = /\u200d/g;

/**
 * @param {string} name of the agent @param {unknown} url
 * @returns {{href: string, host: string} | null} null: nothing a link may lead to
 */
export function target(name, url) {
  if (typeof url !== "string") return null;
  if (PATH.test(url)) return { href: `/agent/${encodeURIComponent(name)}/${url}`, host: `the page of ${name}` };
  if (!WEB.test(url) || !URL.canParse(url)) return null;
  const { protocol, host, username, password, href } = new URL(url);
  if ((protocol !== "https:" && protocol !== "http:") || username || password) return null;
  return { href, host };
}

/** @param {unknown} text @param {number} most @returns {string} "" for what is no text to be shown in a line */
export function shown(text, most) {
  if (typeof text !== "string" || [...text].length > most) return "";
  return UNSEEN.test(text.replace(JOINER, "")) ? "" : text;
}

/**
 * @param {string} name of the agent @param {readonly AgentLink[]} links
 * @returns {{label: string, href: string, host: string}[]} those that may be shown
 */
export function usable(name, links) {
  return links.slice(0, MOST_LINKS).flatMap((link) => {
    const label = shown(link.label, MOST_LETTERS);
    const place = target(name, link.url);
    return label && place ? [{ label, ...place }] : [];
  });
}

/** What stands before a name, for the eye alone. */
export function iconOf() {
  const root = el("span", { class: "agent-icon", "aria-hidden": "true", hidden: true });
  /** @param {string} text */
  const update = (text) => {
    const icon = shown(text, MOST_SIGNS);
    root.hidden = icon === "";
    setText(root, icon);
  };
  return { root, update };
}

/** @param {string} name of the agent */
export function linksOf(name) {
  const root = el("ul", { class: "row agent-links", "aria-label": `Links of ${name}`, hidden: true });
  /** @param {readonly AgentLink[]} links */
  const update = (links) => {
    const all = usable(name, links).map((link, at) => ({ ...link, at }));
    root.hidden = all.length === 0;
    keyed(root, all, (link) => JSON.stringify(link), (link) => ({ root: chip(link), update: () => undefined }));
  };
  return { root, update };
}

/** @param {{label: string, href: string, host: string}} link @returns {HTMLElement} */
function chip({ label, href, host }) {
  const words = el("bdi", {}, label);
  const arrow = el("span", { "aria-hidden": "true" }, " ↗");
  const about = { href, target: "_blank", rel: "noopener noreferrer", class: "chip", title: host };
  return el("li", {}, el("a", about, words, arrow));
}
