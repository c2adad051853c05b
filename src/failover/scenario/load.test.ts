import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { faultNames } from "./inject.ts";
import { showProblem } from "../../spec/problem.ts";
import { loadScenario } from "./load.ts";

const clusters = resolve(import.meta.dirname, "../../../clusters");
const head = "version: 1\nname: a-test\nsteady: [{unit: a.service}]\n";

const problemsOf = (text: string): string[] => {
  const loaded = loadScenario(text, "s.yaml");
  return loaded.ok
    ? []
    : loaded.problems.map((p) => `${p.line}:${p.column} ${p.message} ${p.hint ?? ""}`.trim());
};

describe("a scenario file", () => {
  const files = readdirSync(clusters, { recursive: true, encoding: "utf8" }).filter((name) =>
    /scenarios\/[^/]+\.yaml$/.test(name),
  );

  it.each(files)("is valid: clusters/%s", (file) => {
    expect(problemsOf(readFileSync(join(clusters, file), "utf8"))).toEqual([]);
  });

  it("is valid as docs/scenarios.md shows it", () => {
    const page = readFileSync(resolve(clusters, "../docs/scenarios.md"), "utf8");
    const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
    expect(examples.map((text) => /^name: (.*)$/m.exec(text)?.[1])).toEqual(["two-disasters", "watched"]);
    expect(examples.flatMap(problemsOf)).toEqual([]);
  });

  it("is explained fault by fault in docs/scenarios.md", () => {
    const page = readFileSync(resolve(clusters, "../docs/scenarios.md"), "utf8");
    expect(faultNames.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it("says what a fault needs, and which options it does not take", () => {
    const steps = (step: string): string[] => problemsOf(`${head}steps:\n  - ${step}\n`);
    expect(steps("{inject: process-kill, victims: all}")).toEqual(['5:14 process-kill needs "process"']);
    expect(steps("{inject: power-cut, victims: all, percent: 5}")).toEqual([
      '5:48 power-cut takes no options, not "percent"',
    ]);
    expect(steps("{inject: partition, victims: all, direction: up}")[0]).toMatch(/^5:\d+ .*"both"/);
    expect(steps("{inject: memory-pressure, victims: one, size: much}")[0]).toMatch(/"much" is no amount/);
    expect(steps("{inject: earthquake, victims: one}")[0]).toMatch(/^5:14 .*"power-cut"/);
  });

  it("refuses names that a machine's shell could misunderstand", () => {
    const [problem] = problemsOf(
      `${head}steps: [{inject: container-kill, victims: one, container: "a; reboot"}]\n`,
    );
    expect(problem).toMatch(/letters, digits/);
  });

  it("says where a misspelt step stands and what was meant", () => {
    const [problem] = problemsOf(
      `${head}steps:\n  - {inject: power-cut, victims: all}\n  - {injekt: power-cut}\n`,
    );
    expect(problem).toBe('6:6 unknown key "injekt" did you mean "inject"?');
  });

  it("names the duration that is none", () => {
    const [problem] = problemsOf(`${head}steps: [{wait: soon}]\n`);
    expect(problem).toBe('4:16 "soon" is no duration; write for example 10s or 500ms');
  });

  it("reports every problem at once", () => {
    const problems = problemsOf(
      "version: 2\nname: No Spaces\nsteady: []\nsteps: [{inject: earthquake, victims: all}]\n",
    );
    expect(problems.map((line) => line.split(":")[0])).toEqual(["1", "2", "3", "4"]);
  });

  it("survives what is no YAML", () => {
    expect(problemsOf("steps: [")).toHaveLength(1);
    expect(problemsOf("")).toHaveLength(1);
  });

  describe("for a cluster whose machines are known", () => {
    const nodes = ["core-01", "core-02", "core-03"];
    const victims = (words: string): string[] => {
      const text = `${head}steps:\n  - {inject: power-cut, victims: ${words}}\n`;
      const loaded = loadScenario(text, "s.yaml", nodes);
      return loaded.ok ? [] : loaded.problems.map(showProblem);
    };

    it.each(["core-02", "all", "a minority", "two of three", "etcd leader", "all but engine leader"])(
      "takes %s",
      (words) => {
        expect(victims(words)).toEqual([]);
      },
    );

    it("takes the machine that runs a unit, which is known only then", () => {
      expect(victims("the machine that runs hello.service")).toEqual([]);
    });

    it.each([
      ["core-07", 'no machine is called "core-07"'],
      ["[core-01, the blue one]", 'no machine is called "the blue one"'],
      ["two of four", "the cluster has 3 machines"],
      ["five", '"five" matches no machine of the cluster'],
      ["all but all", '"all but all" matches no machine of the cluster'],
    ])("refuses %s with its place, before anything is broken", (words, message) => {
      const [problem = ""] = victims(words);
      expect(problem).toMatch(/^s\.yaml:5:\d+/);
      expect(problem).toContain(message);
    });

    it("looks at every place where machines are named", () => {
      const steps = [
        "{reboot: core-07}",
        "{heal: freeze, victims: core-08}",
        "{assert: {command: 'true', on: core-09}}",
        "{soak: 1m, victims: core-10, faults: [{inject: freeze, victims: core-11}]}",
      ];
      const loaded = loadScenario(`${head}steps: [${steps.join(", ")}]\n`, "s.yaml", nodes);
      const named = loaded.ok ? [] : loaded.problems.map(({ message }) => /core-\d+/.exec(message)?.[0]);
      expect(named).toEqual(["core-07", "core-08", "core-09", "core-10", "core-11"]);
    });
  });
});
