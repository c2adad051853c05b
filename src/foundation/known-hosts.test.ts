import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressOf,
  fingerprint,
  judge,
  knownHostsLine,
  matchesAddress,
  md5Fingerprint,
  parseKnownHosts,
  pinnedHostKeys,
} from "./known-hosts.ts";

const key = { type: "ssh-ed25519", base64: "AAAAC3NzaC1lZDI1NTE5AAAAIBc2" };
const other = { type: "ssh-ed25519", base64: "AAAAC3NzaC1lZDI1NTE5AAAAIFFF" };

describe("reading known_hosts", () => {
  it("takes names, comments and blank lines as OpenSSH writes them", () => {
    const known = parseKnownHosts(`# mine\n\ncore-01,192.168.56.11 ${key.type} ${key.base64} a comment\n`);
    expect(known).toEqual({ hosts: [{ patterns: ["core-01", "192.168.56.11"], key }], warnings: [] });
  });

  it("passes over hashed names, markers and broken lines, and says so", () => {
    const known = parseKnownHosts("|1|abc=|def= ssh-rsa AAAA\n@revoked * ssh-rsa AAAA\nlonely\n");
    expect(known.hosts).toEqual([]);
    expect(known.warnings).toEqual([
      "line 1: hashed host names are not supported",
      "line 2: the marker @revoked is not supported",
      "line 3: not of the form 'host type key'",
    ]);
  });

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z0-9.-]{1,12}$/), { minLength: 1 }), (names) => {
        expect(parseKnownHosts(knownHostsLine(names, key)).hosts).toEqual([{ patterns: names, key }]);
      }),
    );
  });
});

describe("matching an address", () => {
  it.each([
    ["foo.com,bar", "bar", true],
    ["foo.com,bar", "baz", false],
    ["f*o", "foo", true],
    ["f*o", "fo", true],
    ["f*o", "fooz", false],
    ["a*c?e", "abcde", true],
    ["a**c*e", "ace", true],
    ["h??d", "hxyd", true],
    ["h??d", "hxd", false],
    ["Foo", "foo", false],
    ["*,!foo.com", "foo.com", false],
    ["!foo.com,*.com", "bar.com", true],
    ["!foo.com", "bar.com", false],
    ["[host]:2222", "[host]:2222", true],
  ])("%s means %s: %s", (patterns, address, expected) => {
    expect(matchesAddress(patterns.split(","), address)).toBe(expected);
  });

  it("writes a port only when it is not 22", () => {
    expect(addressOf("core-01")).toBe("core-01");
    expect(addressOf("core-01", 2222)).toBe("[core-01]:2222");
  });
});

describe("judging a key", () => {
  const known = parseKnownHosts(knownHostsLine(["core-01"], key));

  it("tells known, unknown and changed apart", () => {
    expect(judge(known, "core-01", key)).toBe("known");
    expect(judge(known, "core-02", key)).toBe("unknown");
    expect(judge(known, "core-01", other)).toBe("changed");
  });

  it("accepts a pinned key and refuses any other with both fingerprints", async () => {
    const check = pinnedHostKeys(known);
    expect(await check.check("core-01", key)).toBeUndefined();
    const error = await check.check("core-01", other);
    expect(error).toMatchObject({ code: "E_HOST_KEY", exitCode: 5 });
    expect(error?.details.join("\n")).toContain(fingerprint(key));
    expect(error?.details.join("\n")).toContain(fingerprint(other));
    expect((await check.check("core-09", key))?.message).toBe("no ssh host key is known for core-09");
  });

  it("shows fingerprints in both common forms", () => {
    expect(fingerprint(key)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(md5Fingerprint(key)).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
  });
});
