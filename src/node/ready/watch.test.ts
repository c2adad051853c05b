import { describe, expect, it } from "vitest";
import { manualClock } from "../../foundation/clock.ts";
import type { Layers, LayerState, Probes } from "./layer.ts";
import { watchLayers } from "./watch.ts";

function answering(states: Record<keyof Probes, LayerState>): Probes {
  return {
    "cloud-config": () => Promise.resolve(states["cloud-config"]),
    etcd: () => Promise.resolve(states.etcd),
    docker: () => Promise.resolve(states.docker),
    fleet: () => Promise.resolve(states.fleet),
  };
}

const good = { ok: true };

describe("watching the layers of a machine", () => {
  it("tells once of each change and ends when all layers work", async () => {
    const states = {
      "cloud-config": good,
      etcd: { ok: false, detail: "refused" } as LayerState,
      docker: good,
      fleet: good,
    };
    const clock = manualClock();
    const seen: Layers[] = [];
    const watching = watchLayers(answering(states), {
      clock,
      signal: new AbortController().signal,
      onChange: (layers) => seen.push(layers),
    });
    await clock.advance(1_000);
    expect(seen.map(({ etcd }) => etcd)).toEqual([{ ok: false, detail: "refused" }]);
    states.etcd = good;
    await clock.advance(200);
    expect(await watching).toBe(true);
    expect(seen.map(({ etcd }) => etcd.ok)).toEqual([false, true]);
  });

  it("leaves a slow machine time for its work", async () => {
    const clock = manualClock();
    let looks = 0;
    const slow = { "cloud-config": good, etcd: good, docker: good, fleet: { ok: false } };
    const probes: Probes = {
      ...answering(slow),
      fleet: async () => {
        looks += 1;
        await clock.sleep(500);
        return slow.fleet;
      },
    };
    const asked = new AbortController();
    const watching = watchLayers(probes, { clock, signal: asked.signal, onChange: () => undefined });
    await clock.advance(9_900);
    expect(looks).toBe(4);
    asked.abort(new Error("closed"));
    await clock.advance(2_500);
    expect(await watching).toBe(false);
  });

  it("ends without success when nobody wants to know any more", async () => {
    const states = { "cloud-config": good, etcd: { ok: false }, docker: good, fleet: good };
    const asked = new AbortController();
    const clock = manualClock();
    const watching = watchLayers(answering(states), {
      clock,
      signal: asked.signal,
      onChange: () => undefined,
    });
    await clock.advance(500);
    asked.abort(new Error("closed"));
    expect(await watching).toBe(false);
  });
});
