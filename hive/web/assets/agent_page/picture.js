// @ts-check
/**
 * Pictures in the results of tools: which of them may be shown. Pure.
 *
 * An agent may hand over anything, so nothing but the bytes themselves says what a picture is and
 * how large it becomes once it is unpacked.
 */

/** @typedef {{url: string, type: string, width: number, height: number, bytes: number}} Picture */

/** As much of one as the history holds whole. */
const MOST = 65536;
/** More would take the page's memory. */
const PIXELS = 4096 * 4096;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** @param {any} block of a tool's result @returns {Picture | null} null when it is only named */
export function pictureOf(block) {
  const data = block?.type === "image" && block.source?.type === "base64" ? block.source.data : null;
  if (typeof data !== "string" || data.length > MOST || data.length % 4 !== 0 || !BASE64.test(data)) return null;
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const found = png(bytes) ?? gif(bytes) ?? webp(bytes) ?? jpeg(bytes);
  if (!found || found.width < 1 || found.height < 1 || found.width * found.height > PIXELS) return null;
  return { ...found, url: `data:image/${found.type};base64,${data}`, bytes: bytes.length };
}

/** @param {Uint8Array} bytes @param {number} at @param {string} text */
const says = (bytes, at, text) => [...text].every((letter, n) => bytes[at + n] === letter.charCodeAt(0));
/** @param {Uint8Array} bytes */
const view = (bytes) => new DataView(bytes.buffer);

/** @param {Uint8Array} bytes */
function png(bytes) {
  if (bytes.length < 33 || !says(bytes, 0, "\u0089PNG\r\n\u001a\n") || !says(bytes, 12, "IHDR")) return null;
  return { type: "png", width: view(bytes).getUint32(16), height: view(bytes).getUint32(20) };
}

/** @param {Uint8Array} bytes */
function gif(bytes) {
  if (bytes.length < 13 || !(says(bytes, 0, "GIF87a") || says(bytes, 0, "GIF89a"))) return null;
  return { type: "gif", width: view(bytes).getUint16(6, true), height: view(bytes).getUint16(8, true) };
}

/** @param {Uint8Array} bytes */
function webp(bytes) {
  if (bytes.length < 30 || !says(bytes, 0, "RIFF") || !says(bytes, 8, "WEBP")) return null;
  const numbers = view(bytes);
  if (says(bytes, 12, "VP8X")) {
    const [width, height] = [24, 27].map((at) => 1 + numbers.getUint16(at, true) + (bytes[at + 2] << 16));
    return { type: "webp", width, height };
  }
  if (says(bytes, 12, "VP8L")) {
    const bits = numbers.getUint32(21, true);
    return { type: "webp", width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
  }
  if (!says(bytes, 12, "VP8 ")) return null;
  const [width, height] = [26, 28].map((at) => numbers.getUint16(at, true) & 0x3fff);
  return { type: "webp", width, height };
}

/** @param {Uint8Array} bytes the size stands in the frame's head, behind any number of segments */
function jpeg(bytes) {
  if (bytes.length < 4 || bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const numbers = view(bytes);
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; ) {
    const mark = bytes[at + 1];
    const isFrame = mark >= 0xc0 && mark <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(mark);
    if (isFrame) return { type: "jpeg", width: numbers.getUint16(at + 7), height: numbers.getUint16(at + 5) };
    at += mark === 0xff ? 1 : 2 + numbers.getUint16(at + 2);
  }
  return null;
}
