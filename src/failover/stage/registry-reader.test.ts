import { describe, expect, it } from "vitest";
import { silentLog } from "../../foundation/log.ts";
import { createDecoder } from "../../fleet/registry/etcd/codec.ts";
import { layoutAt } from "../../fleet/registry/etcd/layout.ts";
import { readingOf } from "./registry-reader.ts";

const prefix = "/flotilla/fleet/v1/";
const id = "0123456789abcdef0123456789abcdef";
const names = new Map([[id, "core-01"]]);
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const read = (printed: object): ReturnType<typeof readingOf> =>
  readingOf(JSON.stringify(printed), createDecoder(layoutAt(prefix), silentLog()), names);
const kv = (key: string, value: object): object => ({
  key: base64(prefix + key),
  value: base64(JSON.stringify(value)),
});

describe("what etcd's client prints of the registry", () => {
  it("is read whole, with machines by their names", () => {
    const reading = read({
      header: { revision: 7 },
      kvs: [
        kv("schedule/hello.service", { unit: "hello.service", machineID: id, reason: "because" }),
        kv("units/hello.service", {
          name: "hello.service",
          desired: "launched",
          options: [{ section: "Service", name: "ExecStart", value: "/bin/true" }],
        }),
        kv("writes/units", {}),
      ],
    });
    expect(reading).toEqual({
      revision: 7,
      whole: true,
      changes: [
        { type: "placement", unit: "hello.service", machine: "core-01", reason: "because" },
        {
          type: "unit",
          unit: "hello.service",
          desired: "launched",
          options: ["Service/ExecStart=/bin/true"],
        },
      ],
    });
  });

  it("is read change by change, also removals", () => {
    const reading = read({
      Header: { revision: 9 },
      Events: [{ type: 1, kv: { key: base64(`${prefix}machines/${id}`) } }],
    });
    expect(reading).toEqual({
      revision: 9,
      whole: false,
      changes: [{ type: "machine", machine: "core-01", present: false }],
    });
  });

  it("is read with the reason why a unit lost its place, which the leader tells in the same step", () => {
    const reading = read({
      Header: { revision: 9 },
      Events: [
        {
          kv: kv("engine/leader", { machineID: id, released: { "hello.service": "target state inactive" } }),
        },
        { type: 1, kv: { key: base64(`${prefix}schedule/hello.service`) } },
      ],
    });
    expect(reading?.changes).toContainEqual({
      type: "placement",
      unit: "hello.service",
      machine: undefined,
      reason: "target state inactive",
    });
  });

  it("is passed over when it says nothing of ours", () => {
    expect(read({ Header: { revision: 9 }, Events: null, Created: true })).toBeUndefined();
    expect(readingOf("not json", createDecoder(layoutAt(prefix), silentLog()), names)).toBeUndefined();
  });
});
