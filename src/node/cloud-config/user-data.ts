import { gunzipSync } from "node:zlib";
import { type Problem, problemAt } from "./place.ts";

/** What was found in a user-data file, told by its first line. */
export type UserData =
  | { readonly kind: "cloud-config"; readonly text: string }
  | { readonly kind: "script"; readonly text: string }
  | { readonly kind: "unusable"; readonly problem: Problem };

const largest = 64 * 1024 * 1024;

/** Recognises user-data as coreos-cloudinit does; gzip is unpacked. Never throws. */
export function recognise(bytes: Uint8Array): UserData {
  const plain = unpack(bytes);
  if (plain === undefined) return unusable("this looks like gzip but cannot be unpacked");
  if (plain[0] === 0xef && plain[1] === 0xbb && plain[2] === 0xbf) {
    return unusable("starts with a byte order mark: save it as UTF-8 without one");
  }
  const text = decodeUtf8(plain);
  if (text === undefined) return unusable("is not UTF-8 text");
  const header = (text.split("\n", 1)[0] ?? "").trimEnd();
  if (header === "#cloud-config") return { kind: "cloud-config", text };
  if (header.startsWith("#!")) {
    if (!text.includes("\r\n")) return { kind: "script", text };
    return unusable("this script has Windows line ends (CRLF): bash would not find its interpreter");
  }
  return unusable(whyUnknown(header, text));
}

function whyUnknown(header: string, text: string): string {
  if (text.trim() === "") return "is empty";
  if (isIgnition(text)) {
    return "is an Ignition config: it is read when a machine is first made, and cannot be applied to a running system";
  }
  if (header.startsWith("#cloud-config")) {
    return `the first line must be "#cloud-config" and nothing else, not ${JSON.stringify(header)}`;
  }
  return `the first line must be "#cloud-config" or begin with "#!", not ${JSON.stringify(header.slice(0, 60))}`;
}

function isIgnition(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && ("ignition" in value || "ignitionVersion" in value);
  } catch {
    return false;
  }
}

function unpack(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: largest });
  } catch {
    return undefined;
  }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function unusable(message: string): UserData {
  return { kind: "unusable", problem: problemAt({ key: "", line: 1 }, message) };
}
