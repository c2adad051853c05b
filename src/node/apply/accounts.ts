import type { Owner } from "../cloud-config/model.ts";

/** A line of /etc/passwd with its hash from /etc/shadow. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly hash: string;
}

export interface Accounts {
  readonly users: ReadonlyMap<string, Account>;
  /** Name → gid. */
  readonly groups: ReadonlyMap<string, number>;
}

/** Reads the account files; lines that make no sense are left out. */
export function parseAccounts(files: {
  readonly passwd: string;
  readonly shadow: string;
  readonly group: string;
}): Accounts {
  const hashes = new Map(rows(files.shadow).map(([name = "", hash = ""]) => [name, hash]));
  const users = rows(files.passwd).flatMap(([name = "", , uid = "", gid = "", , home = ""]): Account[] =>
    /^\d+$/.test(uid) && /^\d+$/.test(gid)
      ? [{ name, uid: Number(uid), gid: Number(gid), home, hash: hashes.get(name) ?? "" }]
      : [],
  );
  const groups = rows(files.group).flatMap(([name = "", , gid = ""]): [string, number][] =>
    /^\d+$/.test(gid) ? [[name, Number(gid)]] : [],
  );
  return { users: new Map(users.map((user) => [user.name, user])), groups: new Map(groups) };
}

/** An owner as numbers; `unknown` names what neither is a number nor an account. */
export function resolveOwner(
  owner: Owner,
  accounts: Accounts,
): {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly unknown: string | undefined;
} {
  const account = owner.user === undefined ? undefined : accounts.users.get(owner.user);
  const uid = account?.uid ?? numeric(owner.user);
  const gid = owner.loginGroup
    ? account?.gid
    : (accounts.groups.get(owner.group ?? "") ?? numeric(owner.group));
  if (owner.user !== undefined && uid === undefined) return { uid, gid, unknown: `user "${owner.user}"` };
  if (owner.group !== undefined && gid === undefined) return { uid, gid, unknown: `group "${owner.group}"` };
  return { uid, gid, unknown: undefined };
}

function numeric(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function rows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(":"));
}
