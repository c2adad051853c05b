import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutPage, decodePageToken, encodePageToken, requestedPage } from "./page.ts";

describe("a page token", () => {
  it("is written as fleet wrote it", () => {
    expect(encodePageToken({ limit: 12_482, page: 0 })).toBe("wjAAAA==");
    expect(encodePageToken({ limit: 19, page: 11_852 })).toBe("EwBMLg==");
    expect(decodePageToken("_wMAAA==")).toEqual({ limit: 1_023, page: 0 });
    expect(decodePageToken("LQAJAA==")).toEqual({ limit: 45, page: 9 });
  });

  it("is refused when it is none", () => {
    for (const text of ["", "basdfasdf", "_wMAAA", "_wMAA==", "%%%"])
      expect(decodePageToken(text)).toBeUndefined();
  });

  it("reads back as it was written", () => {
    const number = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(number, number, (limit, page) => {
        expect(decodePageToken(encodePageToken({ limit, page }))).toEqual({ limit, page });
      }),
    );
  });

  it("must be one, of this server's page size, and count from 1", () => {
    const of = (limit: number, page: number): string => encodePageToken({ limit, page });
    expect(requestedPage([], 100)).toEqual({ limit: 100, page: 1 });
    expect(requestedPage([of(100, 3)], 100)).toEqual({ limit: 100, page: 3 });
    expect(requestedPage([of(100, 3), of(100, 3)], 100)).toBe("too many values for page token");
    expect(requestedPage([of(60, 3)], 100)).toBe("token limit must be 100");
    expect(requestedPage([of(100, 0)], 100)).toBe("token page must be greater than zero");
    expect(requestedPage([""], 100)).toContain("unable to decode page token");
  });
});

describe("pages", () => {
  it("hand each item out once, and the last has no successor", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 7 }), (items, limit) => {
        const seen: number[] = [];
        const sizes: number[] = [];
        let page = 0;
        for (let next: string | undefined = "first"; next !== undefined;) {
          const cut = cutPage(items, { limit, page: ++page });
          sizes.push(cut.items.length);
          seen.push(...cut.items);
          next = cut.next;
        }
        expect(seen).toEqual(items);
        expect(sizes.includes(0)).toBe(items.length === 0);
      }),
    );
  });

  it("are empty past the end", () => {
    expect(cutPage([1, 2], { limit: 2, page: 5 })).toEqual({ items: [], next: undefined });
  });
});
