import { describe, expect, it } from "vitest";
import { resolvConf } from "./seed.ts";

describe("a node's resolv.conf", () => {
  it("is the host's", () => {
    expect(resolvConf(["# by hand\nsearch lan\nnameserver 10.0.0.53\n"])).toBe(
      "search lan\nnameserver 10.0.0.53\n",
    );
  });

  it("passes over a resolver on the host's loopback and takes what that one asks", () => {
    expect(resolvConf(["nameserver 127.0.0.53\n", "nameserver 10.0.0.53\n"])).toBe("nameserver 10.0.0.53\n");
  });

  it("names no server when none can be reached", () => {
    expect(resolvConf(["nameserver ::1\n", ""])).not.toContain("nameserver ");
  });
});
