import { describe, expect, it } from "vitest";
import { hasDefaultRoute, resolvConf } from "./seed.ts";

describe("a node's resolv.conf", () => {
  it("is the host's, with less patience", () => {
    const lines = resolvConf(["# by hand\nsearch lan\nnameserver 10.0.0.53\n"]).trim().split("\n");
    expect(lines).toEqual(["search lan", "nameserver 10.0.0.53", "options timeout:1 attempts:2"]);
  });

  it("passes over a resolver on the host's loopback and takes what that one asks", () => {
    expect(resolvConf(["nameserver 127.0.0.53\n", "nameserver 10.0.0.53\n"])).toContain(
      "nameserver 10.0.0.53\n",
    );
  });

  it("names no server when none can be reached", () => {
    expect(resolvConf(["nameserver ::1\n", ""])).not.toContain("nameserver ");
  });
});

describe("the host's way out", () => {
  const head = "Iface\tDestination\tGateway \tFlags\n";

  it("is its default route", () => {
    expect(hasDefaultRoute(`${head}eth0\t00000000\t010200C0\t0003\n`)).toBe(true);
  });

  it("is missing when it only knows its neighbours", () => {
    expect(hasDefaultRoute(`${head}eth0\t000200C0\t00000000\t0001\n`)).toBe(false);
  });
});
