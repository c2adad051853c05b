import type { CallOptions } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";
import { isAnswer } from "./answers.ts";
import type { Member } from "./members.ts";

/** For an etcd that asks for a password. */
export interface Login {
  readonly name: string;
  readonly password: string;
}

type Token = Readonly<Record<string, string>>;

/** Keeps the token that etcd gives for name and password. Etcd forgets tokens: then a new one is asked for, once. */
export interface Entry {
  /** As a header; empty without a login. */
  token(member: Member, options: CallOptions): Promise<Token>;
  /** Calls with a token, and once more with a new one when etcd does not know it any more. */
  enter<T>(member: Member, options: CallOptions, call: (token: Token) => Promise<T>): Promise<T>;
  /** The token may be the reason for trouble. */
  forget(): void;
}

/** @param login undefined: etcd asks for nothing */
export function createEntry(login: Login | undefined): Entry {
  let known: Token | undefined;
  const token = async (member: Member, options: CallOptions): Promise<Token> => {
    if (login === undefined) return {};
    known ??= { token: (await member.auth.authenticate(login, options)).token };
    return known;
  };
  return {
    token,
    enter: async (member, options, call) => {
      const used = await token(member, options);
      try {
        return await call(used);
      } catch (error) {
        if (!isStale(error)) throw error;
        if (known === used) known = undefined;
        return await call(await token(member, options));
      }
    },
    forget: () => {
      known = undefined;
    },
  };
}

/** Etcd has forgotten the token, or its users have changed since it gave it. */
function isStale(error: unknown): boolean {
  if (isAnswer(error, Code.Unauthenticated)) return true;
  return isAnswer(error, Code.InvalidArgument) && error.rawMessage.includes("revision of auth store is old");
}
