import type { User } from "./model.ts";
import { problemAt } from "./place.ts";
import { readKeys } from "./parse-keys.ts";
import type { Raw, Reader } from "./reader.ts";
import { userFields } from "./schema.ts";

/** Keys that would have to be fetched from the Internet at boot. */
const imports = ["coreos_ssh_import_github", "coreos_ssh_import_github_users", "coreos_ssh_import_url"];

/** One entry of `users`; none when it has problems. */
export function parseUser(reader: Reader, raw: Raw): readonly User[] {
  const found = reader.map(raw, userFields);
  const text = (key: string): string | undefined => {
    const value = reader.text(found.get(key));
    if (value === undefined || value === "") return undefined;
    if (/[\n\r:]/.test(value)) complain(key, `${JSON.stringify(value)} holds a colon or a line end`);
    return value;
  };
  const complain = (key: string, message: string): void => {
    reader.problems.push(problemAt(found.get(key)?.place ?? raw.place, message));
  };
  for (const key of imports) {
    if (found.has(key)) complain(key, "is not supported: give the keys themselves in ssh_authorized_keys");
  }
  const name = text("name");
  if (name === undefined) complain("name", "a user needs a name");
  else if (!/^[a-z_][a-z0-9_-]*\$?$/i.test(name))
    complain("name", `${JSON.stringify(name)} is not a user name`);
  return [
    {
      place: raw.place,
      name: name ?? "",
      passwd: text("passwd"),
      keys: readKeys(reader, found.get("ssh_authorized_keys")),
      gecos: text("gecos"),
      homedir: text("homedir"),
      noCreateHome: reader.flag(found.get("no_create_home")),
      primaryGroup: text("primary_group"),
      groups: reader.texts(found.get("groups")).map(({ value }) => value),
      noUserGroup: reader.flag(found.get("no_user_group")),
      system: reader.flag(found.get("system")),
      noLogInit: reader.flag(found.get("no_log_init")),
      shell: text("shell"),
    },
  ];
}
