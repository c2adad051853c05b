import { z } from "zod";
import * as fields from "./fields.ts";

/**
 * The shape of cluster.yaml as it is written: every key, its default and its description. The JSON Schema for editors
 * comes from here. What needs more than one key to judge is in checks.ts.
 */

const override = z.strictObject({
  memory: fields.memory.optional().describe("MiB"),
  cpus: fields.cpus.optional(),
  metadata: fields.metadata.optional().describe("added to, and stronger than, machines.metadata"),
});

const os = z.strictObject({
  name: z
    .enum(["auto", "debian", "flatcar", "coreos"])
    .default("auto")
    .describe("auto is flatcar on virtualbox, and debian on nspawn and libvirt"),
  channel: z
    .enum(["stable", "beta", "alpha", "lts"])
    .default("stable")
    .describe("the release channel of Flatcar or CoreOS"),
  version: z
    .string()
    .regex(/^(current|\d+\.\d+\.\d+)$/, { error: 'expected "current" or a release such as "4593.2.5"' })
    .default("current")
    .describe("current, or one release of that channel"),
  mirror: fields.webUrl
    .optional()
    .describe(
      "where Flatcar's boxes are to be had instead, or CoreOS's at all: a folder with amd64-usr, or a .json or .box itself",
    ),
});

const machines = z.strictObject({
  count: fields.wholeNumber(1, 200).default(3).describe("how many machines: prefix-01, prefix-02 …"),
  prefix: fields.machinePrefix.default("core").describe("what the machines' names begin with"),
  memory: fields.memory.default(1024).describe("MiB of each machine"),
  cpus: fields.cpus.default(1).describe("processors of each machine"),
  metadata: fields.metadata.default({}).describe("fleet metadata of every machine, for MachineMetadata="),
  overrides: z.record(z.string(), override).default({}).describe("settings of single machines, by name"),
});

const network = z.strictObject({
  subnet: fields.subnet
    .default("192.168.56.0/24")
    .describe("a private subnet, /16 to /29; its first address is the gateway"),
  first: fields
    .wholeNumber(2, 65_533, ": 1 is the gateway")
    .default(11)
    .describe("host number of the first machine: 11 is 192.168.56.11; 1 is the gateway"),
  internet: z.boolean().default(true).describe("whether the nodes may reach the Internet through this host"),
});

const etcd = z.strictObject({
  members: z
    .union([z.literal(1), z.literal(3), z.literal(5)], {
      error: "expected 1, 3 or 5: an even number survives no more losses",
    })
    .optional()
    .describe("on the first machines; default: 5 from seven machines on, 3 from three on, else 1"),
  discovery: fields.discovery
    .default("static")
    .describe(
      "how the members find each other: static (a list), local (our own service), token (a new token of discovery.etcd.io), or the address of a discovery service or token",
    ),
});

const docker = z.strictObject({
  images: z
    .array(fields.image)
    .optional()
    .describe(
      "images that the cluster's mirror makes and holds, so that they can be pulled offline; default: all it can make",
    ),
  mirror: z.boolean().default(true).describe("run a registry mirror for the nodes"),
  exposeTcp: z
    .boolean()
    .default(false)
    .describe(
      "docker's API on port 2375, and from 2375 on of this host's loopback: root for whoever reaches it",
    ),
});

const ssh = z.strictObject({
  insecureKey: z
    .enum(["auto", "inject", "off"])
    .default("auto")
    .describe("Vagrant's well-known key pair on the nodes; auto is inject on Vagrant's machines, else off"),
  authorizedKeys: z
    .array(fields.authorizedKey)
    .default([])
    .describe("more public keys that may log in as core"),
});

const proxy = z.strictObject({
  http: fields.proxyUrl.optional().describe("for http:// addresses, like http://proxy.example:3128"),
  https: fields.proxyUrl.optional().describe("for https:// addresses"),
  no: z
    .union([z.array(z.string()), z.string()], { error: "expected a list of hosts, addresses and .domains" })
    .default([])
    .describe("reached directly; the nodes themselves always are"),
  passwordFile: z
    .string()
    .min(1)
    .optional()
    .describe("a file with the password of the user that the URLs name; relative to cluster.yaml"),
});

const sharedFolder = z.strictObject({
  host: fields.hostPath.describe("a folder of this host: an absolute path, or one that begins with ~/"),
  guest: fields.guestPath.describe("where the machines see it"),
});

const vagrant = z.strictObject({
  gui: z.boolean().default(false).describe("a window for each machine"),
  serialLog: z
    .boolean()
    .default(false)
    .describe("write each machine's serial console to log/NAME-serial.txt; costs processor time"),
  cpuCap: fields
    .wholeNumber(1, 100, " (percent)")
    .default(100)
    .describe("how much of a host processor one of a machine's may use (VirtualBox)"),
  shareHome: z.boolean().default(false).describe("share your home folder over NFS, at the same path"),
  libvirtDriver: z
    .enum(["auto", "kvm", "qemu"])
    .default("auto")
    .describe("auto is kvm where /dev/kvm can be used, else qemu's own emulation"),
});

export const clusterFile = z.strictObject({
  version: z
    .literal(1, { error: "expected 1: the version of this file's format" })
    .describe("the format's version"),
  name: fields.clusterName.describe("the cluster's name"),
  provider: z
    .enum(["auto", "virtualbox", "libvirt", "nspawn"])
    .default("auto")
    .describe("what makes the machines"),
  os: os.prefault({}).describe("what runs on the machines"),
  machines: machines.prefault({}),
  network: network.prefault({}),
  etcd: etcd.prefault({}),
  fleet: z
    .strictObject({
      agentTtl: fields.agentTtl
        .optional()
        .describe(
          "how long a silent machine keeps its units; whole seconds from 2s; 4s, on virtual machines 10s, emulated ones 20s",
        ),
    })
    .prefault({}),
  docker: docker.prefault({}),
  ssh: ssh.prefault({}),
  proxy: proxy.optional().describe("how the nodes reach the Internet"),
  ports: z
    .record(fields.portText, fields.port)
    .default({})
    .describe("port of the first machine: port of this host, on loopback"),
  sharedFolders: z
    .array(sharedFolder)
    .default([])
    .describe("folders of this host that Vagrant's machines see over NFS"),
  vagrant: vagrant.prefault({}).describe("what only machines that Vagrant makes have"),
  services: z
    .array(fields.servicePath)
    .default([])
    .describe("unit files that `cluster up` submits and starts"),
  userData: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("merged into each node's cloud-config: lists are appended, maps merged, values replaced"),
});

export type ClusterFile = z.output<typeof clusterFile>;

interface JsonSchema {
  readonly $schema?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** What editors check cluster.yaml with (schemas/cluster.schema.json). */
export function clusterJsonSchema(): Record<string, unknown> {
  const { $schema, properties, ...schema } = clusterShape() as JsonSchema;
  const environment = {
    const: "from-env",
    description: "HTTP_PROXY, HTTPS_PROXY and NO_PROXY of whoever runs us",
  };
  const either = { anyOf: [environment, properties?.["proxy"]] };
  return { $schema, title: "Flotilla cluster.yaml", ...schema, properties: { ...properties, proxy: either } };
}

/** The schema without what stands for other values of the file, such as `proxy: from-env`. */
export function clusterShape(): object {
  return z.toJSONSchema(clusterFile, { io: "input", target: "draft-7" });
}
