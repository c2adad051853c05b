import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ApiStage, apiStage, errorOf, machine, options } from "../../../test/support/api-stage.ts";

describe("looking at fleetd from outside", () => {
  let stage: ApiStage;

  beforeEach(async () => {
    stage = await apiStage();
  });

  afterEach(() => stage.close());

  const textAt = async (path: string): Promise<[number, string]> => {
    const response = await stage.send("GET", path);
    return [response.status, await response.text()];
  };

  it("describes the API for those who generate clients", async () => {
    for (const prefix of ["/fleet/v1", "/v1-alpha"]) {
      expect(await stage.get(`${prefix}/discovery`)).toMatchObject({
        kind: "discovery#restDescription",
        name: "fleet",
        version: "v1",
        schemas: { Unit: { properties: { desiredState: { type: "string" } } } },
        resources: { Units: { methods: { Set: { httpMethod: "PUT", path: "units/{unitName}" } } } },
      });
    }
    const refused = await errorOf(await stage.send("POST", "/fleet/v1/discovery"));
    expect(refused).toEqual([400, "only HTTP GET supported against this resource"]);
  });

  it("is healthy while it follows the registry", async () => {
    expect(await textAt("/healthz")).toEqual([200, "ok\n"]);
    stage.registry.stop();
    expect(await textAt("/healthz")).toEqual([503, "the registry in etcd cannot be followed\n"]);
    stage.mirror = undefined;
    expect(await textAt("/healthz")).toEqual([503, "this machine has not joined the cluster\n"]);
    stage.absence = { kind: "etcd", why: "nobody answered" };
    expect(await textAt("/healthz")).toEqual([
      503,
      "this machine has not joined the cluster: nobody answered\n",
    ]);
  });

  it("counts for Prometheus", async () => {
    await stage.put("a.service", { options, desiredState: "launched" });
    await stage.place("a.service");
    await stage.publish("a.service", "launched");
    await stage.send("GET", "/fleet/v1/units/none.service");
    const [, text] = await textAt("/metrics");
    for (const line of [
      "# TYPE fleet_engine_decisions_total counter",
      'fleet_engine_decisions_total{kind="place"} 3',
      "fleet_engine_reconciles_total 7",
      "fleet_engine_leading 1",
      "fleet_lease_unbroken_seconds 12.5",
      "fleet_mirror_fresh 1",
      "fleet_machines 1",
      'fleet_units{desired="launched"} 1',
      'fleet_units_current{state="launched"} 1',
      'fleet_unit_states{active="active"} 1',
      'fleet_api_requests_total{method="GET",status="404"} 1',
      'fleet_api_requests_total{method="PUT",status="201"} 1',
      "process_resident_memory_bytes 1000",
    ]) {
      expect(text.split("\n")).toContain(line);
    }
  });

  it("counts although etcd is away", async () => {
    stage.mirror = undefined;
    const [status, text] = await textAt("/metrics");
    expect([status, text.includes("fleet_mirror_fresh 0\n")]).toEqual([200, true]);
  });
});

/** The events of a response so far: everything up to the first that `last` is true for. */
async function eventsUntil(response: Response, last: (event: string) => boolean): Promise<string[]> {
  const events: string[] = [];
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = "";
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) return events;
    text += decoder.decode(part.value);
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      events.push(block.replace(/^id: \d+\n/, ""));
      if (last(block)) {
        await reader?.cancel();
        return events;
      }
    }
  }
}

describe("the event stream", () => {
  let stage: ApiStage;

  beforeEach(async () => {
    stage = await apiStage();
  });

  afterEach(() => stage.close());

  const written = (unit: string, desiredState: string): string =>
    `event: unit\ndata: ${JSON.stringify({ unit, change: "written", desiredState })}`;

  it("tells every decision and state change, in order", async () => {
    const response = await stage.send("GET", "/fleet/v1/events");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    await stage.put("a.service", { options, desiredState: "launched" });
    await stage.place("a.service");
    await stage.publish("a.service", "launched");
    const patch = [{ op: "add", path: `/${machine.id}/metadata/k`, value: "v" }];
    await stage.send("PATCH", "/fleet/v1/machines", patch);
    await stage.term.commit([{ kind: "release", unit: "a.service", from: machine.id, reason: "test" }]);
    const refusal = {
      unit: "a.service",
      summary: "none fits",
      reasons: [{ machineID: machine.id, why: "full" }],
    };
    await stage.term.commit([{ kind: "refuse", refusal }]);
    await stage.send("DELETE", "/fleet/v1/units/a.service");
    const says = { load: "loaded", active: "active", sub: "running", hash: "abc", reached: "launched" };
    const events = await eventsUntil(response, (event) => event.includes("forgiven"));
    expect(events).toEqual([
      'event: ready\ndata: {"fresh":true}',
      written("a.service", "launched"),
      `event: decision\ndata: ${JSON.stringify({ decision: "placed", unit: "a.service", machineID: machine.id, reason: "test" })}`,
      `event: state\ndata: ${JSON.stringify({ unit: "a.service", machineID: machine.id, change: "published", ...says })}`,
      `event: metadata\ndata: ${JSON.stringify({ machineID: machine.id, key: "k", value: "v" })}`,
      `event: decision\ndata: ${JSON.stringify({ decision: "released", unit: "a.service", machineID: machine.id, reason: "test" })}`,
      `event: decision\ndata: ${JSON.stringify({ decision: "refused", unit: "a.service", reason: refusal.summary, reasons: refusal.reasons })}`,
      'event: unit\ndata: {"unit":"a.service","change":"destroyed"}',
      'event: decision\ndata: {"decision":"forgiven","unit":"a.service"}',
    ]);
  });

  it("tells of the units that were asked for only", async () => {
    const response = await stage.send("GET", "/fleet/v1/events?unitName=b.service&unitName=c.service");
    for (const unit of ["a", "b", "c"]) await stage.put(`${unit}.service`, { options });
    const events = await eventsUntil(response, (event) => event.includes("c.service"));
    expect(events.slice(1)).toEqual([written("b.service", "inactive"), written("c.service", "inactive")]);
  });

  it("says when the registry cannot be followed, and that it was read anew", async () => {
    const response = await stage.send("GET", "/fleet/v1/events");
    stage.registry.stop();
    await stage.clock.advance(1);
    stage.registry.start();
    const events = await eventsUntil(
      response,
      (event) => event.includes('"fresh":true}') && !event.includes("ready"),
    );
    expect(events.map((event) => event.split("\n")[0])).toEqual([
      "event: ready",
      "event: registry",
      "event: reset",
      "event: registry",
    ]);
  });

  it("lets a sign of life be heard while nothing happens", async () => {
    const response = await stage.send("GET", "/fleet/v1/events");
    await stage.clock.advance(15_000);
    expect(await eventsUntil(response, (event) => event === ":")).toHaveLength(2);
  });

  it("drops a client that does not read", async () => {
    const response = await stage.send("GET", "/fleet/v1/events");
    await stage.put("a.service", { options });
    for (let turn = 0; turn < 10_100; turn++)
      await stage.publish("a.service", turn % 2 === 0 ? "loaded" : "launched");
    const events = await eventsUntil(response, () => false);
    expect(events.length).toBeLessThan(10_010);
  });

  it("ends when the client goes, and lets others in", async () => {
    const all = await Promise.all(Array.from({ length: 256 }, () => stage.send("GET", "/fleet/v1/events")));
    expect((await stage.send("GET", "/fleet/v1/events")).status).toBe(503);
    await all[0]?.body?.cancel();
    expect((await stage.send("GET", "/fleet/v1/events")).status).toBe(200);
  });
});
