import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCloudConfig } from "./parse.ts";
import { showProblem } from "./place.ts";

const config = (text: string) => {
  const parsed = parseCloudConfig(`#cloud-config\n${text}`);
  if (!parsed.ok) throw new Error(parsed.problems.map(showProblem).join("\n"));
  return parsed.config;
};

const problems = (text: string): string[] => {
  const parsed = parseCloudConfig(`#cloud-config\n${text}`);
  return parsed.ok ? [] : parsed.problems.map(showProblem);
};

describe("reading a cloud-config", () => {
  it("takes an empty document for one that asks for nothing", () => {
    expect(config("")).toMatchObject({ hostname: undefined, users: [], files: [], units: [] });
  });

  it("keeps the text of values that YAML would turn into something else", () => {
    const text =
      "write_files:\n  - path: /a\n    permissions: 0600\ncoreos:\n  update:\n    reboot_strategy: off\n";
    const read = config(text);
    expect(read.files[0]?.mode).toBe(0o600);
    expect(read.sections.update[0]).toMatchObject({ key: "reboot_strategy", value: "off" });
  });

  it("reads hyphens as underscores", () => {
    const read = config(
      "coreos:\n  etcd2:\n    listen-client-urls: http://a:1\n  units:\n    - name: a.service\n      drop-ins:\n        - name: b.conf\n          content: c\n",
    );
    expect(read.sections.etcd2[0]).toMatchObject({ key: "listen_client_urls", value: "http://a:1" });
    expect(read.units[0]?.dropIns[0]).toMatchObject({ name: "b.conf", content: "c" });
  });

  it("leaves out zero values, as coreos-cloudinit does", () => {
    const read = config(
      'coreos:\n  fleet:\n    verify_units: false\n    token_limit: 0\n    public_ip: ""\n    agent_ttl: 4s\n',
    );
    expect(read.sections.fleet.map(({ key }) => key)).toEqual(["agent_ttl"]);
  });

  it.each([
    ["aGkK", "b64"],
    ["H4sIAAAAAAAAA8vI5AIAenpv7QMAAAA=", "gz+base64"],
  ])("unpacks %s from %s", (content, encoding) => {
    const read = config(`write_files:\n  - path: /a\n    encoding: ${encoding}\n    content: ${content}\n`);
    expect(Buffer.from(read.files[0]?.content ?? []).toString()).toBe("hi\n");
  });

  it.each([
    [
      "hostnam: a\n",
      'line 2: hostnam: unrecognized key "hostnam" would have no effect (did you mean "hostname"?)',
    ],
    ["coreos:\n  etcd2:\n    nmae: x\n", "line 4: coreos.etcd2.nmae: unrecognized key"],
    ["users: core\n", 'line 2: users: must be a list, not "core"'],
    ["hostname: a b\n", 'line 2: hostname: "a b" is not a host name'],
    ["hostname: a\nhostname: b\n", "line 3: YAML: Map keys must be unique"],
    ["write_files:\n  - content: a\n", "line 3: write_files[0]: a file needs a path"],
    ["write_files:\n  - path: a\n", 'line 3: write_files[0].path: "a" is not an absolute path of a file'],
    [
      "write_files:\n  - path: /a\n    permissions: rw\n",
      'line 4: write_files[0].permissions: "rw" is not of the form "0644"',
    ],
    [
      "write_files:\n  - path: /a\n    encoding: b64\n    content: '???'\n",
      'line 5: write_files[0].content: cannot be unpacked as "b64"',
    ],
    [
      "coreos:\n  units:\n    - content: a\n",
      "line 4: coreos.units[0]: a unit needs a name: without one it would be left out",
    ],
    [
      "coreos:\n  units:\n    - name: a.service\n      command: go\n",
      'line 5: coreos.units[0].command: "go" is not one of start, stop',
    ],
    [
      "coreos:\n  etcd2:\n    heartbeat_interval: fast\n",
      'line 4: coreos.etcd2.heartbeat_interval: must be a whole number, not "fast"',
    ],
    ["coreos:\n  etcd2:\n    discovery: 'http://a/%20'\n", 'holds a "%", which systemd would drop'],
    ["manage_etc_hosts: true\n", 'line 2: manage_etc_hosts: must be "localhost", not "true"'],
    ["- a\n", "line 2: must be a mapping, not a list"],
    ["a: [\n", "line 3: YAML: "],
  ])("names the line and the key that are wrong in %j", (text, message) => {
    expect(problems(text).join("\n")).toContain(message);
  });

  it("says everything that is wrong at once", () => {
    expect(problems("nope: 1\nusers: 2\ncoreos: 3\n")).toHaveLength(3);
  });

  it("never throws, whatever it is given", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), yamlLike), (text) => {
        const parsed = parseCloudConfig(text);
        expect(parsed.ok || parsed.problems.every(({ line }) => line >= 1)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

const words = [
  "hostname",
  "users",
  "coreos",
  "units",
  "-",
  ":",
  "\n",
  "  ",
  "name",
  "'",
  "&a",
  "*a",
  "!!binary",
  "{",
  "~",
  "0x",
  "<<",
];
const yamlLike = fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((parts) => parts.join(" "));
