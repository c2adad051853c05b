import { describe, expect, it } from "vitest";
import { masterBootRecord } from "./disk.ts";

describe("the first sector of a machine's disk", () => {
  const size = 700 * 1024 ** 2;
  const record = masterBootRecord(Buffer.alloc(512, 0xaa), size, 0xdeadbeef);

  it("begins with the boot loader and leaves the partition table to us", () => {
    expect(record.subarray(0, 440)).toEqual(Buffer.alloc(440, 0xaa));
    expect(record.readUInt32LE(440)).toBe(0xdeadbeef);
    expect(record.readUInt16LE(444)).toBe(0);
  });

  it("has one active Linux partition from the first megabyte to the end, and nothing else", () => {
    expect([record[446], record[450]]).toEqual([0x80, 0x83]);
    expect(record.readUInt32LE(454) * 512).toBe(1024 ** 2);
    expect((record.readUInt32LE(454) + record.readUInt32LE(458)) * 512).toBe(size);
    expect(record.subarray(462, 510)).toEqual(Buffer.alloc(48));
  });

  it("is marked as one that can be booted", () => {
    expect([...record.subarray(510)]).toEqual([0x55, 0xaa]);
  });
});
