import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { completeExample } from "./example.ts";
import { loadSpec } from "./load.ts";
import { clusterKeys, clusterYamlPage } from "./reference.ts";

/** The values at a path such as `machines.overrides.NAME.memory` or `sharedFolders[].host`. */
function valuesAt(value: unknown, path: string): unknown[] {
  const parts = path.replaceAll("[]", ".NAME").split(".");
  return parts.reduce<unknown[]>(
    (values, part) =>
      values.flatMap((one) => {
        const entries = Object.entries((one ?? {}) as Record<string, unknown>);
        return entries.filter(([key]) => part === "NAME" || key === part).map(([, inner]) => inner);
      }),
    [value],
  );
}

describe("the example with every key", () => {
  const value: unknown = parse(completeExample);

  it("loads without a problem or a warning", () => {
    expect(loadSpec(completeExample, "cluster.yaml")).toMatchObject({ ok: true, warnings: [] });
  });

  it("has every key", () => {
    const missing = clusterKeys().filter(({ path }) => valuesAt(value, path).length === 0);
    expect(missing.map(({ path }) => path)).toEqual([]);
  });

  it("has a key's default, or a comment that names it", () => {
    const others = clusterKeys().flatMap(({ path, fallback }) => {
      const usual = /^`(.*)`$/.exec(fallback)?.[1];
      return usual === undefined
        ? []
        : valuesAt(value, path).some((one) => String(one) !== usual)
          ? [path]
          : [];
    });
    expect(others).toEqual(["provider"]);
    expect(completeExample).toMatch(/^provider: .*# .*default: auto$/m);
  });
});

describe("the page of cluster.yaml's keys", () => {
  it("says what each key means", () => {
    expect(clusterKeys().filter(({ meaning }) => meaning === "")).toEqual([]);
  });

  it.each([
    ["a choice", "| `vagrant.libvirtDriver` | `auto`, `kvm` or `qemu` | `auto` |"],
    ["a number with its limits", "| `machines.count` | whole number from 1 to 200 | `3` |"],
    [
      "a choice or a text",
      "| `etcd.discovery` | `static`, `local`, `token`, or text, like `https://discovery.example` |",
    ],
    [
      "a key of single machines",
      "| `machines.overrides.NAME.memory` | whole number from 256 to 1048576 | machines.memory |",
    ],
    ["a key of a list's maps", "| `sharedFolders[].host` | text, like `~/src` | *needed* |"],
    [
      "a default that depends",
      "| `fleet.agentTtl` | text, like `4s` | 4s; on virtual machines of our Debian box 10s",
    ],
    ["a section, with a link", "| `proxy` | `from-env`, or [map](#proxy) | none |"],
  ])("shows %s", (_, row) => {
    expect(clusterYamlPage()).toContain(`\n${row}`);
  });
});
