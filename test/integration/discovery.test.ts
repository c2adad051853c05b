import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explainDiscovery } from "../../src/discovery/explain.ts";
import type { Registry } from "../../src/discovery/registry.ts";
import { closeDiscovery, serveDiscovery } from "../../src/discovery/server.ts";
import { newToken, plantToken } from "../../src/discovery/tokens.ts";
import { eventually } from "../support/cluster.ts";
import { freePorts } from "../support/ports.ts";

/** Real etcd members that know nothing of each other but a token of our own discovery service. */

/** A question that is not answered within 5 s is one that failed. */
const soon = (): AbortSignal => AbortSignal.timeout(5_000);
let server: Server;
let service: string;
let folder: string;
let stored: Registry | undefined;
let started: Member[];
let ports: number[];

interface Member {
  readonly client: number;
  readonly log: () => readonly string[];
  end(): Promise<void>;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-discovery-"));
  started = [];
  stored = undefined;
  // All at once, or two members that do not listen yet may get the same one.
  ports = await freePorts(8);
  await listen(nextPort());
});
afterEach(async ({ task }) => {
  // Why a cluster did not form is known to its members alone.
  if (task.result?.state === "fail") for (const member of started) console.error(member.log().join("\n"));
  for (const member of started) await member.end();
  closeDiscovery(server);
  await rm(folder, { recursive: true, force: true });
});

async function listen(port: number): Promise<void> {
  const save = (registry: Registry): Promise<void> => {
    stored = registry;
    return Promise.resolve();
  };
  const known = stored === undefined ? {} : { registry: stored };
  server = await serveDiscovery({ address: "127.0.0.1", port, save, ...known });
  service = `http://127.0.0.1:${port}`;
}

function nextPort(): number {
  return ports.pop() ?? 0;
}

function startMember(name: string, token: string, options: { data?: string; peer?: number } = {}): Member {
  const client = nextPort();
  const peer = options.peer ?? nextPort();
  const child: ChildProcess = spawn(
    "etcd",
    [
      `--name=${name}`,
      `--data-dir=${join(folder, options.data ?? name)}`,
      `--listen-client-urls=http://127.0.0.1:${client}`,
      `--advertise-client-urls=http://127.0.0.1:${client}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
      `--discovery=${token}`,
      "--discovery-fallback=exit",
      "--heartbeat-interval=100",
      "--election-timeout=500",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let text = "";
  child.stderr?.on("data", (part: Buffer) => (text += part.toString()));
  const member = {
    client,
    log: () => text.split("\n"),
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
  started.push(member);
  return member;
}

async function memberNames({ client }: Member): Promise<string[]> {
  const url = `http://127.0.0.1:${client}/v3/cluster/member/list`;
  const answer = await fetch(url, { method: "POST", body: "{}", signal: soon() });
  const { members } = (await answer.json()) as { members: { name: string }[] };
  return members.map(({ name }) => name).sort();
}

const formed = async (member: Member, names: readonly string[]): Promise<string[]> =>
  await eventually(`${names.join(", ")} form a cluster`, async () => {
    const health = await fetch(`http://127.0.0.1:${member.client}/health`, { signal: soon() });
    return health.ok ? await memberNames(member) : undefined;
  });

const explained = async (member: Member): Promise<string> =>
  (
    await eventually("etcd gives up with a reason that we know", () =>
      Promise.resolve(explainDiscovery(member.log())),
    )
  ).meaning;

describe("three etcd members and our discovery service", () => {
  it("form one cluster, whatever the order in which they come", async () => {
    const token = await newToken({ service, size: 3, signal: soon() });
    const first = startMember("m1", token);
    await eventually("the first waits", () =>
      Promise.resolve(stored?.tokens[token.split("/").at(-1) ?? ""]?.members.length === 1),
    );
    startMember("m2", token);
    startMember("m3", token);
    expect(await formed(first, ["m1", "m2", "m3"])).toEqual(["m1", "m2", "m3"]);
  });

  it("form it also when the service was restarted meanwhile", async () => {
    const token = `${service}/0123456789abcdef`;
    await plantToken(token, 3, soon());
    await plantToken(token, 3, soon());
    const first = startMember("m1", token);
    startMember("m2", token);
    await eventually("two wait", () =>
      Promise.resolve(stored?.tokens["0123456789abcdef"]?.members.length === 2),
    );
    const { port } = server.address() as AddressInfo;
    closeDiscovery(server);
    await listen(port);
    startMember("m3", token);
    expect(await formed(first, ["m1", "m2", "m3"])).toEqual(["m1", "m2", "m3"]);
  });
});

describe("a member that comes wrongly", () => {
  it("is told that the cluster is full", async () => {
    const token = await newToken({ service, size: 1, signal: soon() });
    await formed(startMember("m1", token), ["m1"]);
    expect(await explained(startMember("m2", token))).toContain("as many members as the token is for");
  });

  it("is told that it was there before, when its data is gone", async () => {
    const token = await newToken({ service, size: 1, signal: soon() });
    const peer = nextPort();
    const member = startMember("m1", token, { peer });
    await formed(member, ["m1"]);
    await member.end();
    expect(await explained(startMember("m1", token, { peer, data: "wiped" }))).toContain(
      "registered under the token before",
    );
  });

  it("is told that another has its name", async () => {
    const token = await newToken({ service, size: 2, signal: soon() });
    const first = startMember("m1", token);
    await eventually("the first is there", () =>
      Promise.resolve(stored?.tokens[token.split("/").at(-1) ?? ""]?.members.length === 1),
    );
    const second = startMember("m1", token, { data: "other" });
    const either = await eventually("one of them gives up", () =>
      Promise.resolve(explainDiscovery([...first.log(), ...second.log()])),
    );
    expect(either.meaning).toContain("another member of the same name");
  });

  it.each([
    ["an unknown token", () => `${service}/unknown`, "does not know the token"],
    ["nobody", () => `http://127.0.0.1:${nextPort()}/token`, "does not reach the discovery service"],
  ])("is told when it asks for %s", async (_, url, meaning) => {
    expect(await explained(startMember("m1", url()))).toContain(meaning);
  });

  it("is told that the size is no number", async () => {
    const token = `${service}/badsize`;
    await fetch(`${token}/_config/size`, { method: "PUT", body: new URLSearchParams({ value: "many" }) });
    expect(await explained(startMember("m1", token))).toContain("size is no number");
  });
});

describe("asking for a token", () => {
  it("says who does not answer, and who is no discovery service", async () => {
    const nobody = `http://127.0.0.1:${nextPort()}`;
    await expect(newToken({ service: nobody, size: 3, signal: soon() })).rejects.toMatchObject({
      code: "E_NODE_UNREACHABLE",
    });
    await expect(
      newToken({ service: `${service}/elsewhere`, size: 3, signal: soon() }),
    ).rejects.toMatchObject({
      code: "E_COMMAND_FAILED",
    });
    await expect(newToken({ service, size: 0, signal: soon() })).rejects.toMatchObject({
      code: "E_COMMAND_FAILED",
    });
  });
});
