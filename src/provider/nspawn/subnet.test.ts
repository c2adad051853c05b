import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overlaps, parseSubnet } from "./subnet.ts";

describe("an IPv4 subnet", () => {
  it("has its first host address as gateway", () => {
    expect(parseSubnet("192.168.56.0/24")).toMatchObject({ gateway: "192.168.56.1", prefix: 24 });
  });

  it("forgets host bits", () => {
    expect(parseSubnet("10.1.2.3/16").cidr).toBe("10.1.0.0/16");
  });

  it.each(["", "192.168.56.0", "192.168.56.0/33", "300.1.1.1/24", "fd00::/64"])("refuses %j", (text) => {
    expect(() => parseSubnet(text)).toThrow("is not an IPv4 network");
  });

  it("overlaps itself and every network around it, whatever its size", () => {
    fc.assert(
      fc.property(
        fc.ipV4(),
        fc.integer({ min: 1, max: 31 }),
        fc.integer({ min: 1, max: 31 }),
        (address, a, b) => {
          expect(overlaps(parseSubnet(`${address}/${a}`), parseSubnet(`${address}/${b}`))).toBe(true);
        },
      ),
    );
  });

  it("does not overlap its neighbour", () => {
    expect(overlaps(parseSubnet("192.168.56.0/24"), parseSubnet("192.168.57.0/24"))).toBe(false);
  });
});
