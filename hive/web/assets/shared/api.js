// @ts-check
/** Requests to the hive, with its errors as sentences. */

const TIMEOUT_MS = 30000;
export const LOGGED_OUT =
  "You are logged out. Run `hive.pyz login-link` on the host and open the link it prints.";

export class ApiError extends Error {
  /** @param {number} status 0 when nothing answered @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @param {string} url @returns {Promise<any>} raises `ApiError` */
export function getJson(url) {
  return request(url, { headers: { Accept: "application/json" } });
}

/**
 * @param {string} url @param {Record<string, string> | URLSearchParams} [fields]
 * @returns {Promise<any>} raises `ApiError`
 */
export function post(url, fields = {}) {
  return request(url, { method: "POST", body: new URLSearchParams(fields) });
}

/** @param {string} url @param {RequestInit} init */
async function request(url, init) {
  /** @type {Response} */
  let response;
  let text;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    text = await response.text();
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    const sentence = late
      ? "The hive did not answer in time. Try again; `hive.pyz doctor` tells what is wrong."
      : "The hive cannot be reached. Is the daemon still running?";
    throw new ApiError(0, "unreachable", sentence);
  }
  const value = parse(text);
  if (response.ok) return value ?? {};
  if (response.status === 401) throw new ApiError(401, "unauthorized", LOGGED_OUT);
  const told = value?.error;
  throw new ApiError(
    response.status,
    String(told?.code ?? "error"),
    String(told?.message ?? `The hive answered ${response.status} ${response.statusText}.`),
  );
}

/** @param {string} text @returns {any} null when it is not JSON */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's error page: the status speaks for itself
  }
}

/** @param {unknown} error @returns {string} */
export function sentence(error) {
  return error instanceof Error ? error.message : String(error);
}
