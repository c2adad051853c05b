import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aCluster, vagrantFolderOf } from "../../test/support/rendered-cluster.ts";
import { mergeConfigRb } from "./config-rb.ts";

function fresh(lines = ""): string {
  return vagrantFolderOf(aCluster(lines)).find(({ path }) => path === "config.rb")?.content ?? "";
}

function edited(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((result, [name, value]) => {
    const pattern = new RegExp(String.raw`^(\$${name} = ).*?( # cluster\.yaml:.*)?$`, "m");
    expect(result).toMatch(pattern);
    return result.replace(pattern, (_, before: string, after = "") => before + value + after);
  }, text);
}

const merge = (existing: string, next: string): string => mergeConfigRb(existing, next, "config.rb").text;

describe("a config.rb that somebody has edited", () => {
  it("is not stale because of that, whatever was edited", () => {
    const knobs = {
      vm_memory: "3000",
      vm_gui: "true",
      vm_cpus: "ENV['CPUS'].to_i",
      enable_serial_logging: "true",
    };
    const more = {
      forwarded_ports: "{ 80 => 8080 }",
      expose_docker_tcp: "2375",
      shared_folders: "{\n  '/a' => '/b', # mine\n}",
    };
    const text = `${edited(fresh(), { ...knobs, ...more })}\n# my own\n$vb_cpus = 4\nputs 'hello' if $vm_gui\n`;
    const merged = mergeConfigRb(text, fresh(), "config.rb");
    expect(merged.text).toBe(text);
    expect(merged.kept.map(({ name, own }) => `${name} = ${own}`)).toEqual([
      "$vm_gui = true",
      "$vm_memory = 3000",
      "$vb_cpus = 4",
      "$forwarded_ports = { 80 => 8080 }",
      "$expose_docker_tcp = 2375",
      "$enable_serial_logging = true",
      "$shared_folders = {\n  '/a' => '/b', # mine\n}",
    ]);
  });

  it("gets what cluster.yaml has changed since, and keeps its own values", () => {
    const before = edited(fresh(), { vm_memory: "3000" });
    const merged = merge(before, fresh("machines: {memory: 2048, cpus: 2, count: 5}\nports: {80: 8080}"));
    expect(merged).toContain("$vm_memory = 3000 # cluster.yaml: 2048\n");
    expect(merged).toContain("$vm_cpus = 2 # cluster.yaml: 2\n");
    expect(merged).toContain("$num_instances = 5\n");
    expect(merged).toContain("$forwarded_ports = { 80 => 8080 } # cluster.yaml: { 80 => 8080 }\n");
  });

  it("takes back the cluster's identity", () => {
    const text = edited(fresh(), { num_instances: "7", update_channel: "\"al\" 'pha'" });
    expect(merge(text, fresh())).toBe(fresh());
  });

  it("gets variables that it does not have yet, with their explanation", () => {
    const old =
      "$num_instances = 3\r\n$instance_name_prefix='core'\r\n$update_channel = 'stable'\r\n$vm_memory = 4096";
    const merged = merge(old, fresh());
    expect(merged.startsWith(`${old}\n`)).toBe(true);
    expect(merged).toContain("(vagrant.serialLog).\n$enable_serial_logging = false # cluster.yaml: false\n");
    expect(merge(merged, fresh())).toBe(merged);
    expect(merged).not.toContain("$vm_memory = 1024");
  });

  it.each([
    ["$vm_memory = 'never closed\n", "a string is never closed", 1],
    ["$vm_memory = 1\n$shared_folders = {\n", '"{" is never closed', 2],
    ["\nif true\n$vm_memory = 2\n", "what begins here has no end", 2],
    ["$vm_memory = 1)\n", '")" closes nothing', 1],
    ["end\n", '"end" ends nothing', 1],
    ["$x = <<~TEXT\n  a\nTEXT\n", "heredocs are not understood here", 1],
    ["$x = \0\n", "there is a NUL character", 1],
  ])("that cannot be read is refused: %j", (text, message, line) => {
    const problem = { code: "E_CONFIG_INVALID", details: [`config.rb:${line}`] };
    expect(() => merge(text, fresh())).toThrow(expect.objectContaining(problem));
    expect(() => merge(text, fresh())).toThrow(message);
  });

  it("comes to rest: merging twice changes nothing more, for any two clusters", () => {
    const clusters = ["", "machines: {memory: 2048, count: 5}", "ports: {80: 81}\nvagrant: {gui: true}"].map(
      fresh,
    );
    const one = fc.constantFrom(...clusters);
    fc.assert(
      fc.property(one, one, fc.constantFrom("1", "nil", "'it\\'s'", "{ 'a' => [1, nil] }"), (a, b, own) => {
        const text = edited(a, { vm_gui: own });
        const once = merge(text, b);
        expect(merge(once, b)).toBe(once);
        expect(once).toBe(edited(b, { vm_gui: own }));
      }),
      { numRuns: 30 },
    );
  });
});
