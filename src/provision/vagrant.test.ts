import { describe, expect, it } from "vitest";
import { aCluster, vagrantFolderOf } from "../../test/support/rendered-cluster.ts";

const golden = (name: string): string => `../../test/fixtures/render/${name}`;

function contentOf(lines: string, path: string): string {
  return vagrantFolderOf(aCluster(lines)).find((file) => file.path === path)?.content ?? "";
}

const six = `
machines: {count: 6, prefix: box, memory: 2048, cpus: 2, overrides: {box-02: {memory: 4096, cpus: 4}}}
network: {subnet: 192.168.60.0/25}
os: {channel: beta, version: "4757.1.0"}
ports: {4001: 4001, 8080: 18080}
`;

describe("the Vagrant folder", () => {
  it("is word for word what it was", async () => {
    await expect(contentOf(six, "Vagrantfile")).toMatchFileSnapshot(golden("Vagrantfile"));
    await expect(contentOf(six, "config.rb")).toMatchFileSnapshot(golden("config.rb"));
  });

  it("has each machine's cloud-config and the operator's key, for nobody else to read", () => {
    const files = vagrantFolderOf(aCluster());
    expect(files.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      "Vagrantfile 644",
      "config.rb 644",
      "ssh/operator 600",
      "cloud-config/core-01.yaml 600",
      "cloud-config/core-02.yaml 600",
      "cloud-config/core-03.yaml 600",
    ]);
  });

  it("is the same for the same cluster, byte for byte", () => {
    expect(vagrantFolderOf(aCluster(six))).toEqual(vagrantFolderOf(aCluster(six)));
  });

  it("names every variable that coreos-vagrant's users know", () => {
    const text = contentOf("", "config.rb");
    const names = [...text.matchAll(/^\$(\w+) =/gm)].map(([, name]) => name);
    expect(names).toEqual([
      "num_instances",
      "instance_name_prefix",
      "update_channel",
      "image_version",
      "new_discovery_url",
      "vm_gui",
      "vm_memory",
      "vm_cpus",
      "vb_cpuexecutioncap",
      "forwarded_ports",
      "expose_docker_tcp",
      "enable_serial_logging",
      "share_home",
      "shared_folders",
    ]);
  });
});
