import { describe, expect, it } from "vitest";
import { parseCloudConfig } from "../src/node/cloud-config/parse.ts";
import { recognise } from "../src/node/cloud-config/user-data.ts";
import { aCluster, userDataOf } from "./support/rendered-cluster.ts";

const everything = `
machines: {count: 4, metadata: {region: local}, overrides: {core-04: {metadata: {disk: ssd}}}}
proxy: {http: "http://me:p%40ss%22w@proxy.example:3128", no: [.example.com]}
userData:
  write_files: [{path: /etc/motd, content: "hello\\n"}]
  coreos: {update: {reboot_strategy: "off"}, units: [{name: a.service, command: start, content: "[Service]\\n"}]}
`;

describe("what is rendered on the host, read on the node", () => {
  it.each([
    ["a container", "", 1, "nspawn"],
    ["a container with everything", everything, 2, "nspawn"],
    ["a machine that is no etcd member", everything, 4, "nspawn"],
    ["a virtual machine", everything, 1, "virtualbox"],
    ["a virtual machine that is no etcd member", everything, 4, "virtualbox"],
  ] as const)("is a cloud-config without a mistake: %s", (_, lines, index, provider) => {
    const text = userDataOf(aCluster(lines), index, provider);
    expect(recognise(Buffer.from(text))).toMatchObject({ kind: "cloud-config" });
    const parsed = parseCloudConfig(text);
    expect(parsed.ok ? [] : parsed.problems).toEqual([]);
    expect(parsed.ok && parsed.config.hostname).toMatchObject({ value: `core-0${index}` });
  });
});
