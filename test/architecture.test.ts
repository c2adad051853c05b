import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const src = join(root, "src");

/** Which rooms a room may look into (itself always). The order is that of docs/architecture.md: arrows go downwards. */
const mayImport: Record<string, readonly string[]> = {
  bin: [
    "cli",
    "failover",
    "lifecycle",
    "doctor",
    "provider",
    "provision",
    "node",
    "spec",
    "fleet",
    "discovery",
    "foundation",
  ],
  cli: [
    "failover",
    "lifecycle",
    "doctor",
    "provider",
    "provision",
    "spec",
    "fleet",
    "discovery",
    "foundation",
  ],
  failover: ["lifecycle", "provider", "provision", "spec", "fleet", "discovery", "foundation"],
  lifecycle: ["doctor", "provider", "provision", "spec", "fleet", "discovery", "foundation"],
  doctor: ["provider", "spec", "foundation"],
  provider: ["provision", "spec", "discovery", "foundation"],
  provision: ["spec", "foundation"],
  node: ["foundation"],
  spec: ["foundation"],
  discovery: ["foundation"],
  fleet: ["foundation"],
  foundation: [],
};

/** The rooms inside a room, in the same way. What lies at its door is open to all of them, if the list says so. */
const inside: Record<string, Record<string, readonly string[]>> = {
  fleet: {
    ctl: ["api", "unit"],
    api: ["registry", "schedule", "unit"],
    agent: ["registry", "systemd", "unit"],
    engine: ["registry", "schedule", "unit"],
    schedule: ["unit"],
    registry: ["unit"],
    systemd: ["unit"],
    unit: [],
  },
  lifecycle: {
    steps: ["ready", "prepare", "plan", "access", "state"],
    ready: ["plan", "access", "state"],
    plan: ["prepare", "state"],
    prepare: ["state"],
    access: ["state"],
    state: [],
  },
  provider: {
    nspawn: ["gateway", "image"],
    vagrant: ["gateway", "image"],
    gateway: [],
    image: [],
  },
  failover: {
    report: ["faults", "invariants", "history"],
    observe: ["invariants", "scenario", "stage", "history"],
    faults: ["scenario", "stage", "history"],
    invariants: ["scenario", "history"],
    stage: ["history"],
    history: ["scenario"],
    scenario: [],
  },
};

/** Files at the door of a room which its own rooms may import. */
const atTheDoor = [
  "src/fleet/model.ts",
  "src/lifecycle/cluster.ts",
  "src/failover/verdict.ts",
  "src/provider/provider.ts",
  "src/provider/console.ts",
  "src/provider/no-machine.ts",
];

/** Rooms that only compute: no process, no network, no file, no clock. */
const pure = [
  "src/cli/collect/plan.ts",
  "src/spec/",
  "src/provision/",
  "src/fleet/unit/",
  "src/fleet/schedule/",
  "src/lifecycle/plan/",
  "src/failover/scenario/",
  "src/failover/invariants/",
  "src/failover/verdict.ts",
  "src/failover/history/history.ts",
  "src/failover/history/timeline.ts",
  "src/failover/history/recoveries.ts",
  "src/doctor/diagnose.ts",
  "src/doctor/troubles/",
];
const worldly = [
  "node:child_process",
  "node:net",
  "node:http",
  "node:https",
  "node:dgram",
  "node:fs",
  "node:fs/promises",
  "node:os",
];

interface Import {
  readonly from: string;
  readonly to: string;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.endsWith(".d.ts"))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  return found.map((to) => ({
    from: relative(root, file),
    to: to.startsWith(".") ? relative(root, resolve(dirname(file), to)) : to,
  }));
}

const imports = sources(src).flatMap(importsOf);
const roomOf = (path: string): string => path.split("/")[1] ?? "";
const innerRoomOf = (path: string, room: string): string | undefined => {
  const [, outer, inner, ...rest] = path.split("/");
  return outer === room && rest.length > 0 ? inner : undefined;
};
const show = (bad: readonly Import[]): string[] => bad.map(({ from, to }) => `${from} imports ${to}`);

describe("the map of the house", () => {
  it("has only rooms that the rules know", () => {
    const rooms = readdirSync(src, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(rooms.filter((room) => !(room in mayImport))).toEqual([]);
    for (const [room, inner] of Object.entries(inside)) {
      const found = new Set(sources(join(src, room)).map((file) => innerRoomOf(relative(root, file), room)));
      found.delete(undefined);
      expect(found).toEqual(new Set(Object.keys(inner)));
    }
  });

  it("lets arrows go downwards only", () => {
    const bad = imports.filter(({ from, to }) => {
      if (!to.startsWith("src/")) return false;
      const [here, there] = [roomOf(from), roomOf(to)];
      return here !== there && !(mayImport[here] ?? []).includes(there);
    });
    expect(show(bad)).toEqual([]);
  });

  it.each(Object.keys(inside))("keeps the rooms inside %s in order", (room) => {
    const bad = imports.filter(({ from, to }) => {
      const [here, there] = [innerRoomOf(from, room), innerRoomOf(to, room)];
      if (here === undefined || here === there || !to.startsWith(`src/${room}/`)) return false;
      if (there === undefined) return !atTheDoor.includes(to);
      return !(inside[room]?.[here] ?? []).includes(there);
    });
    expect(show(bad)).toEqual([]);
  });

  it("keeps the deciding code away from the world", () => {
    const bad = imports.filter(
      ({ from, to }) => pure.some((place) => from.startsWith(place)) && worldly.includes(to),
    );
    expect(show(bad)).toEqual([]);
  });

  it("names only places that exist", () => {
    const files = sources(src).map((file) => relative(root, file));
    const rooms = Object.entries(inside).flatMap(([room, inner]) =>
      Object.keys(inner).map((name) => `src/${room}/${name}/`),
    );
    const places = [...pure, ...atTheDoor, ...rooms];
    expect(places.filter((place) => !files.some((file) => file.startsWith(place)))).toEqual([]);
  });
});
