// @ts-check
/** The prompt's slash commands: what they are, reading one, completing one. Pure. */

/** @type {readonly {name: string, takes: string, does: string}[]} */
export const COMMANDS = [
  { name: "help", takes: "", does: "list these commands" },
  { name: "clear", takes: "", does: "wipe this view; the history stays" },
  { name: "cancel", takes: "", does: "interrupt the running turn" },
  { name: "compact", takes: "", does: "let claude shorten its context" },
  { name: "model", takes: "<name>", does: "use this model from the next turn on" },
  { name: "new-session", takes: "", does: "forget the conversation and begin anew" },
  { name: "pause", takes: "", does: "let messages wait" },
  { name: "resume", takes: "", does: "go on with what waits" },
  { name: "search", takes: "<words>", does: "look for words in the whole history" },
  { name: "logs", takes: "", does: "show what the container printed" },
];

/**
 * @param {string} text
 * @returns {{name: string, argument: string} | {problem: string} | null} null: not a command
 */
export function parseCommand(text) {
  const match = /^\/(\S*)\s*([\s\S]*)$/.exec(text);
  if (!match) return null;
  const command = COMMANDS.find((one) => one.name === match[1]);
  if (!command) return { problem: `/${match[1]} is not a command: /help lists them` };
  const argument = match[2].trim();
  if (command.takes && !argument) return { problem: `/${command.name} needs ${command.takes}` };
  if (!command.takes && argument) return { problem: `/${command.name} takes nothing after it` };
  return { name: command.name, argument };
}

/**
 * @param {string} text @param {readonly string[]} [models] to choose from
 * @returns {string[]} commands that begin so
 */
export function matching(text, models = []) {
  if (text.startsWith("/model ")) {
    return models.map((name) => `/model ${name}`).filter((line) => line.startsWith(text) && line !== text);
  }
  if (!/^\/[a-z-]*$/.test(text)) return [];
  return COMMANDS.map((one) => `/${one.name}`).filter((name) => name.startsWith(text));
}

/** Tab goes through the commands that fit what was typed before the first Tab. */
export class Completion {
  constructor() {
    this._typed = "";
    this._shown = "";
    this._at = -1;
  }

  /**
   * @param {string} text in the prompt @param {readonly string[]} [models]
   * @returns {string | null} what to put there instead
   */
  next(text, models = []) {
    if (text !== this._shown) {
      this._typed = text;
      this._at = -1;
    }
    const names = matching(this._typed, models);
    if (names.length === 0) return null;
    this._at = (this._at + 1) % names.length;
    this._shown = names[this._at];
    return this._shown;
  }
}

/** What was sent before, to go back to; what is being written waits at its end. */
export class Sent {
  /** @param {readonly string[]} [lines] oldest first @param {number} [most] */
  constructor(lines = [], most = 50) {
    this._most = most;
    this.lines = lines.slice(-most);
    this._at = this.lines.length;
    this._draft = "";
  }

  /** @param {string} text */
  add(text) {
    if (this.lines[this.lines.length - 1] !== text) this.lines.push(text);
    if (this.lines.length > this._most) this.lines.shift();
    this._at = this.lines.length;
  }

  /** @param {string} text that is in the prompt @returns {string | null} the one sent before it */
  earlier(text) {
    if (this._at === 0) return null;
    if (this._at === this.lines.length) this._draft = text;
    this._at -= 1;
    return this.lines[this._at];
  }

  /** @returns {string | null} the one sent behind it, at last what was being written */
  later() {
    if (this._at >= this.lines.length) return null;
    this._at += 1;
    return this._at === this.lines.length ? this._draft : this.lines[this._at];
  }
}
