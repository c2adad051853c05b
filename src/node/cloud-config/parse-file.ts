import { posix } from "node:path";
import { decode, encodings } from "./encoding.ts";
import type { Owner, WriteFile } from "./model.ts";
import { problemAt } from "./place.ts";
import type { Raw, Reader } from "./reader.ts";
import { fileFields } from "./schema.ts";

/** One entry of `write_files`, its content unpacked; none when it has problems. */
export function parseFile(reader: Reader, raw: Raw): readonly WriteFile[] {
  const found = reader.map(raw, fileFields);
  const before = reader.problems.length;
  const complain = (key: string, message: string): void => {
    reader.problems.push(problemAt(found.get(key)?.place ?? raw.place, message));
  };
  const path = reader.text(found.get("path")) ?? "";
  if (path === "") complain("path", "a file needs a path");
  else if (!isPlainPath(path)) complain("path", `${JSON.stringify(path)} is not an absolute path of a file`);
  const permissions = reader.text(found.get("permissions")) ?? "";
  if (permissions !== "" && !/^0?[0-7]{3,4}$/.test(permissions)) {
    complain("permissions", `${JSON.stringify(permissions)} is not of the form "0644"`);
  }
  const encoding = reader.text(found.get("encoding")) ?? "";
  if (encoding !== "" && !(encodings as readonly string[]).includes(encoding)) {
    complain("encoding", `${JSON.stringify(encoding)} is not one of ${encodings.join(", ")}`);
  }
  const content = decode(reader.bytes(found.get("content")) ?? new Uint8Array(), encoding);
  if (content === undefined && reader.problems.length === before) {
    complain("content", `cannot be unpacked as ${JSON.stringify(encoding)}`);
  }
  const written = reader.text(found.get("owner")) ?? "";
  const owner = parseOwner(written);
  if (written !== "" && owner === undefined) {
    complain("owner", `${JSON.stringify(written)} is not of the form "user:group"`);
  }
  if (reader.problems.length > before || content === undefined) return [];
  const mode = permissions === "" ? 0o644 : Number.parseInt(permissions, 8);
  return [{ place: raw.place, path: posix.normalize(path), content, owner, mode }];
}

/** As chown reads it: `user`, `user:group`, `user:` (with the user's own group) or `:group`; undefined for anything else. */
function parseOwner(text: string): Owner | undefined {
  const match = /^([A-Za-z0-9_.-]*\$?)(:?)([A-Za-z0-9_.-]*)$/.exec(text);
  const [user = "", colon = "", group = ""] = match?.slice(1) ?? [];
  if (match === null || (user === "" && group === "")) return undefined;
  return {
    user: user === "" ? undefined : user,
    group: group === "" ? undefined : group,
    loginGroup: colon !== "" && group === "",
  };
}

function isPlainPath(path: string): boolean {
  return (
    path.startsWith("/") && !path.endsWith("/") && !path.includes("\0") && !path.split("/").includes("..")
  );
}
