import { generateKeyPair as generate, randomBytes } from "node:crypto";
import { promisify } from "node:util";

/** OpenSSH's formats: the private key as PEM text, the public key as `type base64 comment`, without a new line. */
export interface SshKeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

const type = "ssh-ed25519";
const blockSize = 8;

/** Makes a new ed25519 pair without a passphrase. The comment must be one line. */
export async function generateKeyPair(comment: string): Promise<SshKeyPair> {
  const { privateKey, publicKey } = await promisify(generate)("ed25519");
  const seed = Buffer.from(privateKey.export({ format: "jwk" }).d ?? "", "base64url");
  const point = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const publicBlob = Buffer.concat([field(type), field(point)]);
  return {
    privateKey: armour(privateBlob(seed, point, publicBlob, comment)),
    publicKey: `${type} ${publicBlob.toString("base64")} ${comment}`,
  };
}

/** The `openssh-key-v1` container (OpenSSH's PROTOCOL.key), unencrypted. */
function privateBlob(seed: Buffer, point: Buffer, publicBlob: Buffer, comment: string): Buffer {
  // The same random number twice: with a passphrase it would tell whether the decryption was right.
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    field(type),
    field(point),
    field(Buffer.concat([seed, point])),
    field(comment),
  ]);
  const missing = (blockSize - (secret.length % blockSize)) % blockSize;
  const padding = Buffer.from(Array.from({ length: missing }, (_, index) => index + 1));
  return Buffer.concat([
    Buffer.from("openssh-key-v1\0", "latin1"),
    field("none"),
    field("none"),
    field(""),
    Buffer.from([0, 0, 0, 1]),
    field(publicBlob),
    field(Buffer.concat([secret, padding])),
  ]);
}

/** A length and its bytes, as everywhere in the ssh protocol. */
function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function armour(blob: Buffer): string {
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join(
    "\n",
  );
}
