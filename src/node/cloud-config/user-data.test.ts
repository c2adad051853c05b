import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { addressesIn, substitute } from "./substitution.ts";
import { recognise, type UserData } from "./user-data.ts";

const from = (text: string): UserData => recognise(new TextEncoder().encode(text));
const why = (data: UserData): string => (data.kind === "unusable" ? data.problem.message : data.kind);

describe("recognising user-data", () => {
  it("knows a cloud-config by its first line, also packed and with Windows line ends", () => {
    expect(from("#cloud-config \r\nhostname: a\r\n").kind).toBe("cloud-config");
    expect(recognise(gzipSync("#cloud-config\n"))).toEqual({ kind: "cloud-config", text: "#cloud-config\n" });
  });

  it("knows a script, and says why one with Windows line ends cannot work", () => {
    expect(from("#!/bin/sh\ntrue\n").kind).toBe("script");
    expect(why(from("#!/bin/sh\r\ntrue\r\n"))).toContain("Windows line ends");
  });

  it.each([
    ["\uFEFF#cloud-config\n", "byte order mark"],
    ["#cloud-config foo\n", '"#cloud-config" and nothing else'],
    ['{"ignition":{"version":"2.0.0"}}', "Ignition"],
    ["", "is empty"],
    ["hostname: a\n", 'must be "#cloud-config" or begin with "#!"'],
  ])("refuses %j with a reason", (text, reason) => {
    expect(why(from(text))).toContain(reason);
  });

  it("refuses what only looks like gzip, and what is not UTF-8", () => {
    expect(why(recognise(Uint8Array.of(0x1f, 0x8b, 1, 2)))).toContain("gzip");
    expect(why(recognise(Uint8Array.of(0x23, 0xff, 0xfe)))).toContain("UTF-8");
  });
});

describe("addresses in a cloud-config", () => {
  const addresses = addressesIn({ COREOS_PRIVATE_IPV4: "10.0.0.1", COREOS_PUBLIC_IPV4: "" });

  it("take the place of their names, without any word boundary", () => {
    const { text, problems } = substitute("x$private_ipv4y $private_ipv4$private_ipv4", addresses);
    expect(text).toBe("x10.0.0.1y 10.0.0.110.0.0.1");
    expect(problems).toEqual([]);
  });

  it("leave escaped and braced names alone", () => {
    expect(substitute("\\$private_ipv4 ${private_ipv4}", addresses).text).toBe(
      "$private_ipv4 ${private_ipv4}",
    );
  });

  it("that are not known are a problem with a line, not an empty place", () => {
    const { problems } = substitute("a\n# $public_ipv4\nb: $public_ipv4\n", addresses);
    expect(problems).toEqual([{ key: "", line: 3, message: "$public_ipv4 is not known on this machine" }]);
  });
});
