import { describe, expect, it } from "vitest";
import { loadSpec } from "./load.ts";
import { scaffold } from "./scaffold.ts";

describe("scaffold", () => {
  const files = scaffold("demo", [{ path: "scenarios/x.yaml", content: "x" }]);

  it("writes a cluster.yaml that is right, and the services that it names", () => {
    const text = files.find(({ path }) => path === "cluster.yaml")?.content ?? "";
    const loaded = loadSpec(text, "cluster.yaml");
    expect(loaded).toMatchObject({ ok: true, warnings: [] });
    expect(loaded.ok && files.map(({ path }) => path)).toEqual(
      expect.arrayContaining(loaded.ok ? [...loaded.spec.services] : []),
    );
  });

  it("stays right when every commented line is taken in", () => {
    const text = (files[0]?.content ?? "").replaceAll(
      /^( *)# (?=( *)[a-zA-Z0-9-]+:)(?!yaml-language)/gm,
      "$1",
    );
    expect(text).toContain("\n  prefix: core");
    expect(text).toContain("\n  subnet: 192.168.56.0/24");
    expect(loadSpec(text, "cluster.yaml")).toMatchObject({ ok: true });
  });

  it("carries the files of others", () => {
    expect(files.at(-1)).toEqual({ path: "scenarios/x.yaml", content: "x" });
  });
});
