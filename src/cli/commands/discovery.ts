import { AppError } from "../../foundation/errors.ts";
import { valueOf, type Command, type Input } from "../command.ts";
import type { Context } from "../context.ts";

const serve: Command = {
  name: "serve",
  summary: "run a discovery service until Ctrl-C",
  description:
    "Runs the service through which etcd's members find each other (etcd.discovery: local). nspawn and libvirt clusters run their own; this is for VirtualBox, and for networks without a way out.",
  args: [],
  options: [
    { name: "--listen", value: "ADDRESS:PORT", summary: "else port 8087 of the cluster's gateway address" },
    { name: "--data", value: "FILE", summary: "keep what registers there; else it is forgotten at the end" },
  ],
  examples: [
    { command: "cluster discovery serve --listen 192.168.56.1:8087", meaning: "for VirtualBox's machines" },
  ],
  run: async (context, input) => {
    const [{ serveDiscovery, closeDiscovery }, { parseRegistry }, { readIfExists, writeAtomically }] =
      await Promise.all([
        import("../../discovery/server.ts"),
        import("../../discovery/registry.ts"),
        import("../../foundation/files.ts"),
      ]);
    const { address, port } = await whereToListen(context, input);
    const file = valueOf(input, "--data");
    const text = file === undefined ? undefined : await readIfExists(file);
    const known = text === undefined || file === undefined ? {} : { registry: parseRegistry(text, file) };
    const save = async (registry: object): Promise<void> => {
      if (file !== undefined) await writeAtomically(file, `${JSON.stringify(registry)}\n`);
    };
    const server = await serveDiscovery({ address, port, save, ...known });
    context.emit({ kind: "note", message: `discovery service on http://${address}:${port}` });
    if (valueOf(input, "--listen") === undefined) await plantOwnToken(context);
    const { signal } = context.io;
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    closeDiscovery(server);
    return 0;
  },
};

/** For machines that are made by hand from a rendered folder: `up` does the same by itself. */
async function plantOwnToken(context: Context): Promise<void> {
  const [{ etcdStarts }, { clusterRef }, { machinesOf }, { plantToken }] = await Promise.all([
    import("../../lifecycle/prepare/discovery.ts"),
    import("../../lifecycle/cluster.ts"),
    import("../../spec/machines.ts"),
    import("../../discovery/tokens.ts"),
  ]);
  const dir = await context.clusterDir();
  const spec = await context.spec(dir);
  if (spec.etcd.discovery !== "local") return;
  const startOf = await etcdStarts(await context.world(), spec, clusterRef(spec.name, dir).stateDir);
  const members = machinesOf(spec).filter(({ etcdMember }) => etcdMember);
  const url = startOf(members[0]?.name ?? "").discovery?.url;
  if (url !== undefined && !url.endsWith("/")) await plantToken(url, members.length, context.io.signal);
}

async function whereToListen(
  context: Context,
  input: Input,
): Promise<{ readonly address: string; readonly port: number }> {
  const asked = valueOf(input, "--listen");
  const parts = /^(\d+\.\d+\.\d+\.\d+|localhost):(\d{1,5})$/.exec(asked ?? "");
  if (parts !== null && Number(parts[2]) < 65_536) return { address: parts[1] ?? "", port: Number(parts[2]) };
  if (asked !== undefined) {
    throw new AppError("E_USAGE", `"${asked}" is no address and port`, {
      hint: "write --listen 192.168.56.1:8087",
    });
  }
  const [{ gatewayOf }, { discoveryPort }] = await Promise.all([
    import("../../spec/machines.ts"),
    import("../../discovery/server.ts"),
  ]);
  return { address: gatewayOf(await context.spec(await context.clusterDir())), port: discoveryPort };
}

const create: Command = {
  name: "new",
  summary: "get a new token from a discovery service",
  args: [],
  options: [
    { name: "--size", value: "N", summary: "how many members the cluster will have; else 3" },
    { name: "--service", value: "URL", summary: "else https://discovery.etcd.io" },
  ],
  examples: [{ command: "cluster discovery new --size 5", meaning: "the token's URL, for etcd.discovery" }],
  run: async (context, input) => {
    const [{ newToken, publicService }, { proxyFromEnvironment }] = await Promise.all([
      import("../../discovery/tokens.ts"),
      import("../../spec/proxy.ts"),
    ]);
    const size = Number(valueOf(input, "--size") ?? "3");
    if (!Number.isInteger(size) || size < 1 || size > 99) {
      throw new AppError("E_USAGE", `"${valueOf(input, "--size") ?? ""}" is no number of members`, {
        hint: "write --size 3",
      });
    }
    const service = valueOf(input, "--service") ?? publicService;
    if (!/^https?:\/\//.test(service) || !URL.canParse(service)) {
      throw new AppError("E_USAGE", `"${service}" is no address of a service`, {
        hint: "write it like https://discovery.example",
      });
    }
    const { proxy } = proxyFromEnvironment(context.io.env);
    const url = await newToken({ service, size, proxy, signal: context.io.signal });
    context.result(`${url}\n`, { v: 1, url, size });
    return 0;
  },
};

export const discovery: Command = {
  name: "discovery",
  summary: "how etcd's members find each other: a service, and its tokens",
  args: [],
  options: [],
  examples: [],
  subcommands: [serve, create],
  run: () => Promise.resolve(0),
};
