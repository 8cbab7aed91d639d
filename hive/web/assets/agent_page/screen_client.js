// @ts-check
/** One connection to a screen: the library noVNC on a websocket of ours, told as few events. */

const LIBRARY = "../vendor/novnc/core/rfb.js";
/** For the greeting of a VNC server, which is a few lines. */
const GREETING_MS = 20000;
const UNKNOWN_WAY = "its VNC server wants to be known by a key: start it with a password or without one";
const NOT_VNC = "what listens at its screen's port does not speak VNC";
const GARBLED = "its VNC server sent something that cannot be understood";
/** @type {any} */
let Rfb = null;

/** Load the library; raises what the browser raises. */
export async function loadClient() {
  Rfb = (await import(LIBRARY)).default;
}

/**
 * @typedef {{
 *   joined: () => void, closed: (code: number, reason: string) => void, failed: (why: string) => void,
 *   copied: (text: string) => void, named: (name: string) => void,
 *   challenged: (wanted: string[]) => void, unknown: () => void,
 * }} Listener
 * @typedef {Record<string, string>} Credentials by what the server asks for: `password`, `username`
 */

/** @param {string} path @returns {string} of a websocket beside this page */
function beside(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export class ScreenClient {
  /**
   * @param {HTMLElement} place @param {string} path with its ticket @param {boolean} control
   * @param {Credentials} credentials that are known already
   * @param {Listener} listener is told of its end once, and of nothing after `close`
   */
  constructor(place, path, control, credentials, listener) {
    this._listener = listener;
    this._isOver = false;
    this._isJoined = false;
    const socket = new WebSocket(beside(path));
    this._socket = socket;
    // noVNC says that it was closed, but not why.
    socket.addEventListener("close", (event) => this._end(() => listener.closed(event.code, event.reason)));
    this._rfb = new Rfb(place, socket, { shared: true, credentials: { ...credentials } });
    this._rfb.viewOnly = !control;
    this._rfb.focusOnClick = control;
    this._rfb.background = "transparent";
    this._greeting = setTimeout(() => this._fail(NOT_VNC), GREETING_MS);
    this._on("connect", () => {
      clearTimeout(this._greeting);
      this._isJoined = true;
      listener.joined();
    });
    this._on("desktopname", (event) => listener.named(String(event.detail.name)));
    this._on("clipboard", (event) => {
      if (control) listener.copied(String(event.detail.text));
    });
    this._on("credentialsrequired", (event) => {
      clearTimeout(this._greeting);
      listener.challenged([...event.detail.types].map(String));
    });
    this._on("serververification", () => this._fail(UNKNOWN_WAY));
    this._on("securityfailure", (event) => {
      listener.unknown();
      this._fail(`its VNC server refused: ${event.detail.reason || "it does not say why"}`);
    });
    // Of an end that the websocket tells, it has been told by now.
    this._on("disconnect", () => this._fail(this._isJoined ? GARBLED : NOT_VNC));
    this.canvas = /** @type {HTMLCanvasElement} */ (place.querySelector("canvas"));
    // noVNC lets go of every key when the window is left, and so it must when the screen is: a Ctrl
    // that is released elsewhere would stay pressed there.
    this.canvas.addEventListener("blur", () => window.dispatchEvent(new Event("blur")));
  }

  /** @param {boolean} toFit or in its real size @param {boolean} byDragging move what does not fit */
  scale(toFit, byDragging) {
    this._rfb.scaleViewport = toFit;
    this._rfb.clipViewport = !toFit && byDragging;
    this._rfb.dragViewport = !toFit && byDragging;
  }

  /** @param {readonly [import("./screen_keys.js").Key, boolean][]} strokes */
  press(strokes) {
    for (const [key, isDown] of strokes) this._rfb.sendKey(key.sym, key.code, isDown);
  }

  /** @param {string} text for the screen's clipboard */
  copy(text) {
    this._rfb.clipboardPasteFrom(text);
  }

  /** @param {Credentials} credentials */
  answer(credentials) {
    this._greeting = setTimeout(() => this._fail(NOT_VNC), GREETING_MS);
    this._rfb.sendCredentials({ ...credentials });
  }

  focus() {
    this._rfb.focus();
  }

  /** Leave; nothing more is told. */
  close() {
    this._end(() => undefined);
  }

  /** @param {string} event @param {(event: any) => void} then */
  _on(event, then) {
    this._rfb.addEventListener(event, (/** @type {any} */ told) => {
      if (!this._isOver) then(told);
    });
  }

  /** @param {string} why */
  _fail(why) {
    this._end(() => this._listener.failed(why));
  }

  /** @param {() => void} tell */
  _end(tell) {
    if (this._isOver) return;
    this._isOver = true;
    clearTimeout(this._greeting);
    if (this._socket.readyState <= WebSocket.OPEN) this._rfb.disconnect();
    tell();
  }
}
