// @ts-check
/** Which notices the operator wants to see no more, for as long as they hold. Pure but for its store. */

/** @typedef {import("../shared/wire.js").Notice} Notice */

const KEY = "hive-dismissed";

/** @param {Notice} one @returns {string} what it is about, whatever its numbers are */
const keyOf = (one) => [one.kind, ...(one.about ?? [])].join(" ");

export class Dismissed {
  /**
   * @param {Pick<Storage, "getItem" | "setItem">} store where they outlive a reload
   * @param {string} [name] of what is kept there
   */
  constructor(store, name = KEY) {
    this.store = store;
    this.name = name;
    this.keys = new Set(read(store, name));
  }

  /** @param {Notice} one */
  add(one) {
    this.keys.add(keyOf(one));
    this.#write();
  }

  /** @param {readonly Notice[]} present those that hold now: what is over shows when it comes again */
  keep(present) {
    const held = new Set(present.map(keyOf));
    const gone = [...this.keys].filter((key) => !held.has(key));
    if (gone.length === 0) return;
    for (const key of gone) this.keys.delete(key);
    this.#write();
  }

  /** @param {readonly Notice[]} present @returns {Notice[]} those to show */
  left(present) {
    return present.filter((one) => !this.keys.has(keyOf(one)));
  }

  #write() {
    try {
      this.store.setItem(this.name, JSON.stringify([...this.keys]));
    } catch {
      return; // a browser without room for it: dismissed until the page is loaded anew
    }
  }
}

/** @param {Pick<Storage, "getItem">} store @param {string} name @returns {string[]} */
function read(store, name) {
  try {
    const found = JSON.parse(store.getItem(name) ?? "[]");
    return Array.isArray(found) ? found.map(String) : [];
  } catch {
    return []; // spoilt, or forbidden: everything is shown
  }
}
