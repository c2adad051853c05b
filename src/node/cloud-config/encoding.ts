import { gunzipSync } from "node:zlib";

/** How a file's content may be packed; the first word of each group is applied last. */
export const encodings = [
  "b64",
  "base64",
  "gz",
  "gzip",
  "gz+b64",
  "gz+base64",
  "gzip+b64",
  "gzip+base64",
] as const;

const largest = 64 * 1024 * 1024;

/** Unpacks a file's content; undefined when it is not what the encoding says, or the encoding is unknown. */
export function decode(content: Uint8Array, encoding: string): Uint8Array | undefined {
  if (encoding === "") return content;
  if (!(encodings as readonly string[]).includes(encoding)) return undefined;
  const parts = encoding.split("+");
  const unbased = parts.some((part) => part.startsWith("b")) ? fromBase64(content) : content;
  if (unbased === undefined || !parts.some((part) => part.startsWith("g"))) return unbased;
  try {
    return gunzipSync(unbased, { maxOutputLength: largest });
  } catch {
    return undefined;
  }
}

/** Strict: Node's own decoder drops what it does not understand, and a damaged file would be written. */
function fromBase64(content: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(content).toString("latin1").replaceAll(/\s/g, "");
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, "base64");
}
