import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { validateUnitName } from "../src/fleet/unit/name.ts";
import { parseUnitFile } from "../src/fleet/unit/parse.ts";
import { validateOptions } from "../src/fleet/unit/validate.ts";
import { loadSpec } from "../src/spec/load.ts";
import { scaffold } from "../src/spec/scaffold.ts";

const clusters = fileURLToPath(new URL("../clusters", import.meta.url));
const text = (path: string): string => readFileSync(join(clusters, path), "utf8");
const names = readdirSync(clusters, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

function unitFilesOf(cluster: string): string[] {
  return readdirSync(join(clusters, cluster), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".service") && !/^(\.state|vagrant)\//.test(file))
    .map((file) => join(cluster, file));
}

describe("the example clusters", () => {
  it.each(names)("%s has a cluster.yaml without a problem or a warning, named after its folder", (name) => {
    const loaded = loadSpec(text(`${name}/cluster.yaml`), `${name}/cluster.yaml`);
    expect(loaded).toMatchObject({ ok: true, warnings: [], spec: { name } });
    const services = loaded.ok ? loaded.spec.services.map((path) => join(name, path)) : [];
    expect(unitFilesOf(name)).toEqual(expect.arrayContaining(services));
  });

  it.each(names.flatMap(unitFilesOf))("%s is a unit that fleet takes", (path) => {
    const unit = parseUnitFile(text(path));
    expect(unit).toHaveProperty("options");
    expect(validateUnitName(basename(path))).toBeUndefined();
    expect("options" in unit ? validateOptions(unit.options) : "unread").toBeUndefined();
  });

  it("demo runs the very service that 'cluster init' writes", () => {
    const written = scaffold("demo").find(({ path }) => path === "services/hello.service");
    expect(text("demo/services/hello.service")).toBe(written?.content);
  });
});
