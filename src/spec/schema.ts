import { z } from "zod";
import * as fields from "./fields.ts";

/**
 * The shape of cluster.yaml as it is written: every key, its default and its description. The JSON Schema for editors
 * comes from here. What needs more than one key to judge is in checks.ts.
 */

const override = z.strictObject({
  memory: fields.memory.optional().describe("memory of this machine, MiB; default: machines.memory"),
  cpus: fields.cpus.optional().describe("processors of this machine; default: machines.cpus"),
  metadata: fields.metadata.optional().describe("added to, and stronger than, machines.metadata"),
});

const os = z.strictObject({
  name: z
    .enum(["auto", "debian", "flatcar", "coreos"])
    .default("auto")
    .describe(
      "auto is flatcar on virtualbox, and debian (our own) on nspawn and libvirt; flatcar and coreos are for virtualbox alone",
    ),
  channel: z
    .enum(["stable", "beta", "alpha", "lts"])
    .default("stable")
    .describe("the release channel of Flatcar or CoreOS; CoreOS has no lts"),
  version: z
    .string()
    .meta({ examples: ["4593.2.5"] })
    .regex(/^(current|\d+\.\d+\.\d+)$/, { error: 'expected "current" or a release such as "4593.2.5"' })
    .default("current")
    .describe("current, or one release of that channel"),
  mirror: fields.webUrl
    .optional()
    .describe(
      "where the boxes come from: CoreOS's have no other place, Flatcar's come from its project otherwise; the address of a folder with amd64-usr in it, or of a .json or .box itself",
    ),
});

const machines = z.strictObject({
  count: fields.wholeNumber(1, 200).default(3).describe("how many machines: core-01, core-02 …"),
  prefix: fields.machinePrefix
    .default("core")
    .describe("what the machines' names begin with: 1 to 24 letters, digits and hyphens, a letter first"),
  memory: fields.memory.default(1024).describe("memory of each machine, MiB; an upper limit on nspawn"),
  cpus: fields.cpus.default(1).describe("processors of each machine; an upper limit on nspawn"),
  metadata: fields.metadata
    .default({})
    .describe("fleet's metadata of every machine; units ask for it with MachineMetadata="),
  overrides: z
    .record(z.string(), override)
    .default({})
    .describe("what is different on single machines, by their names"),
});

const network = z.strictObject({
  subnet: fields.subnet
    .default("192.168.56.0/24")
    .describe(
      "a private subnet, /16 to /29; its first address is this host's: the gateway. VirtualBox takes 192.168.56.0/21 without being told",
    ),
  first: fields
    .wholeNumber(2, 65_533, ": 1 is the gateway")
    .default(11)
    .describe("the first machine's number in the subnet: 11 is 192.168.56.11"),
  internet: z
    .boolean()
    .default(true)
    .describe("whether machines may reach the Internet through this host; only nspawn's can be kept from it"),
});

const etcd = z.strictObject({
  members: z
    .union([z.literal(1), z.literal(3), z.literal(5)], {
      error: "expected 1, 3 or 5: an even number survives no more losses",
    })
    .optional()
    .describe(
      "how many machines, from the first on, are etcd's members: 1, 3 or 5 survive the loss of 0, 1 or 2; default: 5 from seven machines on, 3 from three on, else 1",
    ),
  discovery: fields.discovery
    .default("static")
    .describe(
      "how the members find each other: by a list (static), the cluster's own discovery service (local), a new token of discovery.etcd.io (token), or the service or token at an address",
    ),
});

const docker = z.strictObject({
  images: z
    .array(fields.image)
    .optional()
    .describe(
      "which of its two images the mirror makes and holds, to be pulled without the Internet; default: both",
    ),
  mirror: z
    .boolean()
    .default(true)
    .describe(
      "a registry on the gateway, which the machines' docker asks before Docker Hub; on nspawn and libvirt",
    ),
  exposeTcp: z
    .boolean()
    .default(false)
    .describe(
      "docker's API on port 2375 of each machine: root there for whoever reaches it; Vagrant's machines also have it on this host's loopback, from port 2375 on",
    ),
});

const ssh = z.strictObject({
  insecureKey: z
    .enum(["auto", "inject", "off"])
    .default("auto")
    .describe(
      "whether Vagrant's well-known key logs in as core; auto is inject on Vagrant's machines, off on nspawn, which refuses inject",
    ),
  authorizedKeys: z
    .array(fields.authorizedKey)
    .default([])
    .describe("public keys that may log in as core, besides the cluster's own"),
});

const proxy = z.strictObject({
  http: fields.proxyUrl
    .optional()
    .describe("the proxy for http:// addresses; one of http and https is needed"),
  https: fields.proxyUrl.optional().describe("the proxy for https:// addresses"),
  no: z
    .union([z.array(z.string().meta({ examples: [".example.com"] })), z.string()], {
      error: "expected a list of hosts, addresses and .domains",
    })
    .default([])
    .describe(
      "what is reached directly: hosts, addresses and .domains; localhost, the machines and the gateway always are",
    ),
  passwordFile: z
    .string()
    .min(1)
    .meta({ examples: ["~/.proxy-password"] })
    .optional()
    .describe(
      "a file with one line: the password of the user whom the addresses name; relative to cluster.yaml or from ~/ on; default: FLOTILLA_PROXY_PASSWORD of the environment",
    ),
});

const sharedFolder = z.strictObject({
  host: fields.hostPath.describe("a folder of this host: an absolute path, or one that begins with ~/"),
  guest: fields.guestPath.describe("where the machines see it"),
});

const vagrant = z.strictObject({
  gui: z.boolean().default(false).describe("a window for each machine; with libvirt a VNC display"),
  serialLog: z
    .boolean()
    .default(false)
    .describe(
      "write each machine's serial console to vagrant/log/NAME-serial.txt; costs processor time; libvirt always does",
    ),
  cpuCap: fields
    .wholeNumber(1, 100, " (percent)")
    .default(100)
    .describe(
      "how much of a processor of this host each processor of a machine may use, percent; only on virtualbox",
    ),
  shareHome: z.boolean().default(false).describe("share your home folder over NFS, at the same path"),
  libvirtDriver: z
    .enum(["auto", "kvm", "qemu"])
    .default("auto")
    .describe(
      "what runs libvirt's machines: auto is kvm where /dev/kvm can be used, else qemu's own emulation, some ten times slower",
    ),
});

export const clusterFile = z.strictObject({
  version: z
    .literal(1, { error: "expected 1: the version of this file's format" })
    .describe("the version of this file's format"),
  name: fields.clusterName.describe(
    "the cluster's name: 1 to 32 lower-case letters, digits and hyphens, a letter first",
  ),
  provider: z
    .enum(["auto", "virtualbox", "libvirt", "nspawn"])
    .default("auto")
    .describe(
      "what makes the machines; auto is virtualbox, else libvirt with KVM, else nspawn (Linux, root); a cluster keeps what its first `cluster up` took",
    ),
  os: os.prefault({}).describe("what runs on the machines"),
  machines: machines.prefault({}).describe("how many machines, and what each is"),
  network: network.prefault({}).describe("the machines' own network on this host"),
  etcd: etcd.prefault({}).describe("the store that fleet keeps its state in"),
  fleet: z
    .strictObject({
      agentTtl: fields.agentTtl
        .optional()
        .describe(
          "how long a silent machine keeps its units, whole seconds, 2s to 10m; default: 4s; on virtual machines of our Debian box 10s, with vagrant.libvirtDriver: qemu 20s",
        ),
    })
    .prefault({})
    .describe("what runs units, each on one machine"),
  docker: docker.prefault({}).describe("docker on the machines, and where it gets images"),
  ssh: ssh.prefault({}).describe("who may log in"),
  proxy: proxy
    .optional()
    .describe(
      "the proxy that leads to the Internet; from-env takes HTTP_PROXY, HTTPS_PROXY and NO_PROXY of whoever runs `cluster`",
    ),
  ports: z
    .record(fields.portText, fields.port)
    .default({})
    .describe(
      "ports of the first machine, each with the port of this host's loopback that leads there, like 8080: 18080",
    ),
  sharedFolders: z
    .array(sharedFolder)
    .default([])
    .describe("folders of this host that the machines see over NFS; not on nspawn, nor with a Windows host"),
  vagrant: vagrant
    .prefault({})
    .describe("what only Vagrant's machines have: those of virtualbox and libvirt"),
  services: z
    .array(fields.servicePath)
    .default([])
    .describe(
      "unit files in the cluster's folder that `cluster up` submits and starts, once and again when they change; templates (NAME@.service) are only submitted",
    ),
  userData: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      "a cloud-config to be merged into each machine's: lists are appended, maps merged, values replaced; what makes a machine part of this cluster is refused",
    ),
});

export type ClusterFile = z.output<typeof clusterFile>;

interface JsonSchema {
  readonly $schema?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** What editors check cluster.yaml with (schemas/cluster.schema.json). */
export function clusterJsonSchema(): Record<string, unknown> {
  const { $schema, properties, ...schema } = clusterShape() as JsonSchema;
  const { description, ...map } = (properties?.["proxy"] ?? {}) as { readonly description?: string };
  const either = { description, anyOf: [{ const: "from-env" }, map] };
  return { $schema, title: "Flotilla cluster.yaml", ...schema, properties: { ...properties, proxy: either } };
}

/** The schema without what stands for other values of the file, such as `proxy: from-env`. */
export function clusterShape(): object {
  return z.toJSONSchema(clusterFile, { io: "input", target: "draft-7" });
}
