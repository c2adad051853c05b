import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSecretName, redactor, shortestKnown } from "./redact.ts";

const redact = redactor({ secrets: [] });

describe("redacting a secret that is known", () => {
  it("finds it however it is written", () => {
    const secret = fc
      .string({ minLength: 8, maxLength: 30, unit: "grapheme" })
      .map((text) => text.trim())
      .filter((text) => text.isWellFormed() && new Set(text).size >= shortestKnown && !/[\r\n]/.test(text));
    const strict = (text: string): string =>
      encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
    const forms: readonly ((text: string) => string)[] = [
      (text) => text,
      encodeURIComponent,
      strict,
      (text) => strict(text).replaceAll(/%../g, (hex) => hex.toLowerCase()),
      (text) => encodeURIComponent(strict(text)),
      (text) => new URLSearchParams({ "": text }).toString().slice(1),
      (text) => JSON.stringify(text).slice(1, -1),
      (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3),
      (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`,
    ];
    fc.assert(
      fc.property(secret, fc.constantFrom(...forms), (text, form) => {
        const said = redactor({ secrets: [text] })(`before ${form(text)} after`);
        expect(said).toMatch(/^before '?\*\*\*'? after$/);
      }),
    );
  });

  it("hides a key line by line, and the longer of two secrets first", () => {
    const hide = redactor({ secrets: ["line one of it\nline two of it\n", "secret", "secret-and-more"] });
    expect(hide("12:00 line two of it")).toBe("12:00 ***");
    expect(hide("secret-and-more")).toBe("***");
  });

  it("leaves ordinary letters alone", () => {
    expect(redactor({ secrets: ["", "a", "abc"] })("an abc")).toBe("an abc");
  });
});

describe("redacting what looks like a secret", () => {
  it.each([
    ["http://me:S3CRET@proxy:3128", "http://***@proxy:3128"],
    ["https://S3CRET@git.example/x", "https://***@git.example/x"],
    ["http://me:S3@CR/ET@proxy:3128/", "http://***@proxy:3128/"],
    ["u=http%3A%2F%2Fme%3AS3CRET%40proxy", "u=http%3A%2F%2F***%40proxy"],
    [String.raw`{"u":"http:\/\/me:S3CRET@proxy"}`, String.raw`{"u":"http:\/\/***@proxy"}`],
    ["curl -x me:S3CRET@proxy:3128", "curl -x ***@proxy:3128"],
    ["curl -u me:S3CRET http://x", "curl -u *** http://x"],
    ["docker login --password S3CRET x", "docker login --password *** x"],
    ["Authorization: Basic bWU6UzNDUkVU", "Authorization: ***"],
    ["> Proxy-Authorization: Digest a=S3, b=CRET", "> Proxy-Authorization: ***"],
    [`["authorization","Bearer S3CRET"]`, `["authorization","***"]`],
    [`{"Authorization":"token S3CRET","a":1}`, `{"Authorization":"***","a":1}`],
    [`{"auths":{"x":{"auth":"UzNDUkVU"}}}`, `{"auths":{"x":{"auth":"***"}}}`],
    [`{"line":"GET token=S3CRET","n":1}`, `{"line":"GET token=***","n":1}`],
    [
      String.raw`{"line":"{\"password\":\"S3CRET\",\"b\":2}"}`,
      String.raw`{"line":"{\"password\":\"***\",\"b\":2}"}`,
    ],
    ["Environment=DB_PASSWORD=S3CRET", "Environment=DB_PASSWORD=***"],
    ["    passwd: $6$S3$CRET", "    passwd: ***"],
    ["core:$6$S3$CRET:1:2", "core:***:1:2"],
    ["secret: |\n  S3\n  CRET\nnext: 1", "secret: ***\n  ***\nnext: 1"],
    ["token:\n  - S3CRET\nnext: 1", "token:\n  ***\nnext: 1"],
    ["a ghp_S3CRETS3CRETS3CRETS3CRET b", "a *** b"],
    [
      "-----BEGIN PRIVATE KEY-----\nS3CRET\n-----END PRIVATE KEY-----",
      "-----BEGIN PRIVATE KEY----- *** -----END PRIVATE KEY-----",
    ],
    ["ab S3CRETS3CRETS3CRETS3CRET=\nab -----END RSA PRIVATE KEY-----\nc", "***\n***\nc"],
  ])("%s", (text, safe) => {
    expect(redact(text)).toBe(safe);
    expect(redact(safe)).toBe(safe);
  });

  it.each([
    "core-01 systemd[1]: Reached target Basic System.",
    "journalctl -u fleet -u etcd2",
    "Nov 22 08:52:50 core-01 sshd[1]: Accepted publickey for core from 192.168.56.1 port 5022 ssh2: ED25519 SHA256:abc",
    "busybox:latest@sha256:0123",
    "passwordFile: ../proxy-password",
    "http://192.168.56.11:2380 PWD=/home/core",
    '{"machineID":"0123456789abcdef0123456789abcdef","units":[]}',
  ])("leaves alone: %s", (text) => {
    expect(redact(text)).toBe(text);
  });

  it("takes no long time for a long line", () => {
    const begin = performance.now();
    redact(`${"Ab0+/".repeat(20_000)}\n`.repeat(3));
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  it("knows the names of secrets", () => {
    expect(["password", "passwd", "API_KEY", "etcd-token", "auth"].filter(isSecretName)).toHaveLength(5);
    expect(["passwordFile", "keys", "author", "PWD", "name"].filter(isSecretName)).toEqual([]);
  });
});
