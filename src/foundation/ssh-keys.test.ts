import ssh2 from "ssh2";
import { describe, expect, it } from "vitest";
import { generateKeyPair } from "./ssh-keys.ts";

function parse(text: string): { readonly type: string; readonly comment: string; publicKey(): string } {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return { type: key.type, comment: key.comment, publicKey: () => key.getPublicSSH().toString("base64") };
}

describe("making a key pair", () => {
  it("gives a private key that an ssh library reads and that belongs to the public key", async () => {
    const pair = await generateKeyPair("operator@demo");
    const key = parse(pair.privateKey);
    expect(key.type).toBe("ssh-ed25519");
    expect(key.comment).toBe("operator@demo");
    expect(pair.publicKey).toBe(`ssh-ed25519 ${key.publicKey()} operator@demo`);
  });

  it("fits OpenSSH's blocks whatever the comment's length", async () => {
    for (const length of [0, 1, 5, 8, 13]) {
      const comment = "c".repeat(length);
      expect(parse((await generateKeyPair(comment)).privateKey).comment).toBe(comment);
    }
  });

  it("never gives the same pair twice", async () => {
    const [one, two] = await Promise.all([generateKeyPair("a"), generateKeyPair("a")]);
    expect(one.publicKey).not.toBe(two.publicKey);
  });
});
