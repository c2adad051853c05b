import { describe, expect, it } from "vitest";
import { imaginedSoak } from "../../../../test/support/imagined-soak.ts";
import { recordedRun } from "../../../../test/support/recorded-history.ts";
import { finishedRun } from "../finished.ts";
import { htmlReport } from "./page.ts";
import { viewOf } from "./view.ts";

const run = recordedRun("power-outage");
const page = htmlReport([recordedRun("node-kill"), run]);

describe("the page of a run", () => {
  it("needs nothing from anywhere else", () => {
    expect(page).not.toMatch(/(?:src|href)="(?!#|data:)/);
    expect(page).not.toMatch(/https?:|@import|url\((?!#)/);
  });

  it("has a lane for each machine, the fault, the unit, and the time that each stage took", () => {
    for (const text of [
      "core-01",
      "core-02",
      "core-03",
      "⚡ no power",
      "power-cut on core-01",
      "hello.service: active",
    ]) {
      expect(page).toContain(text);
    }
    expect(page).toMatch(/detect <b>[\d.]+ s<\/b>/);
    expect(page).toContain("a power cut ends the node&#39;s processes");
  });

  it("draws each fault as the fault itself says", () => {
    const renamed = run.events.map((event) =>
      event.kind === "fault" ? { ...event, fault: "partition (in)", effect: "network" as const } : event,
    );
    const cutOff = htmlReport([finishedRun(renamed)]);
    expect(cutOff).toMatch(/<rect class="fault orange"[^>]*><title>partition \(in\) on core-01\n/);
    expect(cutOff).toContain("⚡ cut off");
    expect(cutOff).toContain('id="hatch-orange"');
  });

  it("shows names as text, whatever they hold", () => {
    const events = run.events.map((event) =>
      event.kind === "step" ? { ...event, text: "<script>alert(1)</script>" } : event,
    );
    expect(htmlReport([finishedRun(events)])).not.toContain("<script>alert");
  });
});

describe("what the page draws", () => {
  it("ends a unit's bar with its machine's power", () => {
    const cut = run.events.find((event) => event.kind === "fault")?.at ?? 0;
    const lane = viewOf(run.events).lanes.find(({ node }) => node === "core-01");
    expect(lane?.units[0]?.spans).toEqual([expect.objectContaining({ state: "active", to: cut })]);
    expect(lane?.faults[0]).toMatchObject({ fault: "power-cut", from: cut });
  });

  it("says when the unit ran nowhere", () => {
    const [away] = viewOf(run.events).away;
    const [recovery] = run.verdict.units[0]?.recoveries ?? [];
    expect(away?.spans).toHaveLength(1);
    expect((away?.spans[0]?.to ?? 0) - (away?.spans[0]?.from ?? 0)).toBe(recovery?.took);
  });

  it("stays below 2 MB for a soak of one hour", { timeout: 20_000 }, () => {
    const units = ["a.service", "b.service", "c.service"];
    const soak = htmlReport([finishedRun(imaginedSoak(units))]);
    expect(Buffer.byteLength(soak)).toBeLessThan(2_000_000);
  });
});
