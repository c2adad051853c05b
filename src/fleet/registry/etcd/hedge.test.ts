import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../../foundation/clock.ts";
import type { Hedge, Outcome } from "./hedge.ts";
import { hedge } from "./hedge.ts";

interface Server {
  readonly url: string;
  readonly answer: (askedAt: number) => Promise<string>;
}

const silent = (): Promise<string> => new Promise(() => undefined);
const refuse = async (): Promise<string> => {
  throw new ConnectError("connection refused", Code.Unavailable);
};

function lab(...order: Server[]) {
  return labWith(1, order);
}

function labWith(patience: number, order: readonly Server[], lately = 0) {
  const clock = manualClock();
  const asked: string[] = [];
  const stop = new AbortController();
  const settings: Hedge<Server> = {
    what: "read",
    order,
    clock,
    within: 5_000,
    deadline: 5_000,
    patience,
    lately,
    stop: stop.signal,
  };
  const run = (): Promise<Outcome<Server, string>> =>
    hedge(settings, (server) => {
      asked.push(`${server.url} ${clock.monotonic()}`);
      return server.answer(clock.monotonic());
    });
  return { clock, asked, stop, run };
}

describe("asking several etcd members", () => {
  it("asks nobody else when the first answers in time", async () => {
    const { run, asked } = lab({ url: "a", answer: async () => "yes" }, { url: "b", answer: silent });
    expect(await run()).toMatchObject({ member: { url: "a" }, value: "yes" });
    expect(asked).toEqual(["a 0"]);
  });

  it("asks the second after 300 ms of silence, and takes its answer", async () => {
    const { run, asked, clock } = lab({ url: "a", answer: silent }, { url: "b", answer: async () => "yes" });
    const outcome = run();
    await clock.advance(300);
    expect(await outcome).toMatchObject({ member: { url: "b" }, value: "yes" });
    expect(asked).toEqual(["a 0", "b 300"]);
  });

  it.each([
    { lately: 50, at: 300 },
    { lately: 100, at: 400 },
    { lately: 900, at: 1_000 },
  ])("asks the second after $at ms when answers have taken $lately ms lately", async ({ lately, at }) => {
    const order = [
      { url: "a", answer: silent },
      { url: "b", answer: async () => "yes" },
    ];
    const { run, asked, clock } = labWith(1, order, lately);
    const outcome = run();
    await clock.advance(at);
    await outcome;
    expect(asked).toEqual(["a 0", `b ${at}`]);
  });

  it("waits longer before it asks others where all are slow", async () => {
    const order = [
      { url: "a", answer: silent },
      { url: "b", answer: async () => "yes" },
    ];
    const { run, asked, clock } = labWith(2.5, order);
    const outcome = run();
    await clock.advance(749);
    expect(asked).toEqual(["a 0"]);
    await clock.advance(1);
    expect(await outcome).toMatchObject({ member: { url: "b" }, value: "yes" });
  });

  it("asks the second at once when the first fails", async () => {
    const { run, asked } = lab({ url: "a", answer: refuse }, { url: "b", answer: async () => "yes" });
    expect(await run()).toMatchObject({ value: "yes" });
    expect(asked).toEqual(["a 0", "b 0"]);
  });

  it("asks everybody again when requests got lost while etcd elected a leader", async () => {
    const lost = (at: number): Promise<string> => (at < 700 ? silent() : Promise.resolve("yes"));
    const { run, clock, asked } = lab(
      { url: "a", answer: silent },
      { url: "b", answer: lost },
      { url: "c", answer: lost },
    );
    const outcome = run();
    await clock.advance(1_000);
    expect(await outcome).toMatchObject({ value: "yes" });
    expect(clock.monotonic()).toBe(1_000);
    expect(asked.at(-1)).toBe("b 900");
  });

  it("pauses when all fail, and gives up in time with each one's reason", async () => {
    const { run, clock, asked } = lab({ url: "a", answer: refuse }, { url: "b", answer: refuse });
    const outcome = run().catch((error: unknown) => error);
    await clock.advance(5_000);
    expect(await outcome).toMatchObject({
      code: "E_ETCD",
      details: ["a: [unavailable] connection refused", "b: [unavailable] connection refused"],
    });
    expect(asked.length).toBeLessThanOrEqual(102);
  });

  it("passes on what etcd says of the request itself, without asking another", async () => {
    const answer = async (): Promise<string> => {
      throw new ConnectError("requested lease not found", Code.NotFound);
    };
    const { run, asked } = lab({ url: "a", answer }, { url: "b", answer: silent });
    expect(await run()).toMatchObject({ member: { url: "a" }, error: { code: Code.NotFound } });
    expect(asked).toEqual(["a 0"]);
  });

  it("ends with the caller's reason", async () => {
    const { run, stop } = lab({ url: "a", answer: silent });
    const outcome = run();
    stop.abort(new Error("changed my mind"));
    await expect(outcome).rejects.toThrow("changed my mind");
  });
});
