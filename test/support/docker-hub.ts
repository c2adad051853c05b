import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { hostExec } from "../../src/foundation/exec.ts";
import { pushImage } from "../../src/provider/gateway/mirror/push.ts";
import { makeImages } from "../../src/provider/gateway/mirror/registry.ts";
import { eventually } from "./cluster.ts";

/**
 * A company's way out: Docker Hub stands in a network of its own, under its real names and a certificate of a test
 * authority, and only a proxy that asks for a password can reach it.
 */
export interface Company extends AsyncDisposable {
  /** Without user and password: `10.99.0.1:3128`; the same port answers on this host's loopback. */
  readonly proxy: string;
  /** The certificate of the authority, for the nodes. */
  readonly authority: string;
  /** `FROM METHOD WHAT` of each request since the last call of `forget`. */
  requests(): readonly string[];
  forget(): void;
}

/** For the proxy. The nodes get both percent-encoded more than is needed: every `%` has to arrive. */
export const [user, password] = ["me", "passw0rd"];

const port = 3128;
const [here, registry, index] = ["10.99.0.1", "10.99.0.2", "10.99.0.3"];

/** Needs root and a network namespace that is ours to change. */
export async function startCompany(): Promise<Company> {
  const dir = await mkdtemp(join(tmpdir(), "flotilla-hub-"));
  const processes: ChildProcess[] = [];
  const start = (file: string, ...args: string[]): ChildProcess => {
    const child = spawn(file, args, { stdio: ["ignore", "ignore", "inherit"] });
    processes.push(child);
    return child;
  };
  await fillRegistry(dir);
  await makeCertificates(dir);
  const island = start("unshare", "--net", "sleep", "infinity");
  await joinNetworks(island);
  const inside = (...args: string[]): ChildProcess =>
    start("nsenter", `--target=${island.pid}`, "--net", ...args);
  await writeFile(join(dir, "hub.yml"), registryConfig(dir, `${registry}:443`, true));
  inside("docker-registry", "serve", join(dir, "hub.yml"));
  inside(process.execPath, join(import.meta.dirname, "docker-index.ts"), dir, index);
  await writeFile(join(dir, "hosts"), `${registry} registry-1.docker.io\n${index} index.docker.io\n`);
  await writeFile(join(dir, "proxy.conf"), proxyConfig(dir));
  // Only the proxy's own view of /etc knows where Docker Hub is.
  const script = `mount --bind ${dir}/hosts /etc/hosts && exec tinyproxy -d -c ${dir}/proxy.conf`;
  start("unshare", "--mount", "sh", "-c", script);
  const log = join(dir, "proxy.log");
  await eventually("the proxy leads to Docker Hub", async () => {
    const url = "https://registry-1.docker.io/v2/";
    const way = ["--proxy", `http://${user}:${password}@${here}:${port}`, "--cacert", join(dir, "ca.crt")];
    return (
      (await execa("curl", ["--silent", "--fail", "--noproxy", "", ...way, url], { reject: false }))
        .exitCode === 0
    );
  });
  let from = readFileSync(log, "utf8").length;
  return {
    proxy: `${here}:${port}`,
    authority: await readFile(join(dir, "ca.crt"), "utf8"),
    requests: () => requestsIn(readFileSync(log, "utf8").slice(from)),
    forget: () => (from = readFileSync(log, "utf8").length),
    [Symbol.asyncDispose]: async () => {
      for (const child of processes.toReversed()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Each connection's peer together with what it asked for. */
function requestsIn(log: string): readonly string[] {
  const peers = new Map<string, string>();
  return log.split("\n").flatMap((line) => {
    const peer = /Connect \(file descriptor (\d+)\): (\S+)/.exec(line);
    if (peer !== null) peers.set(peer[1] ?? "", peer[2] ?? "");
    const request = /Request \(file descriptor (\d+)\): (\S+ \S+)/.exec(line);
    return request === null ? [] : [`${peers.get(request[1] ?? "") ?? "?"} ${request[2] ?? ""}`];
  });
}

async function fillRegistry(dir: string): Promise<void> {
  await mkdir(join(dir, "registry"));
  await writeFile(join(dir, "fill.yml"), registryConfig(dir, "127.0.0.1:5999", false));
  const filling = spawn("docker-registry", ["serve", join(dir, "fill.yml")], { stdio: "ignore" });
  const url = "http://127.0.0.1:5999";
  await eventually("the registry answers", async () => (await fetch(`${url}/v2/`)).ok);
  for (const image of await makeImages(hostExec())) await pushImage(url, image, AbortSignal.timeout(30_000));
  filling.kill();
  await once(filling, "exit");
}

async function makeCertificates(dir: string): Promise<void> {
  const openssl = async (...args: string[]): Promise<void> => {
    await execa("openssl", args, { cwd: dir });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"];
  await openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-days",
    "2",
    "-subj",
    "/CN=Test",
  );
  await openssl("req", ...key, "-keyout", "hub.key", "-out", "hub.csr", "-subj", "/CN=docker.io");
  await writeFile(join(dir, "names"), "subjectAltName=DNS:registry-1.docker.io,DNS:index.docker.io\n");
  const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  await openssl("x509", "-req", "-in", "hub.csr", "-out", "hub.crt", ...sign);
}

async function joinNetworks(island: ChildProcess): Promise<void> {
  const own = (await execa("readlink", ["/proc/self/ns/net"])).stdout;
  await eventually("the island has a network of its own", async () => {
    const theirs = (await execa("readlink", [`/proc/${island.pid}/ns/net`], { reject: false })).stdout;
    return theirs !== "" && theirs !== own;
  });
  const ip = (...args: string[]): Promise<unknown> => execa("ip", args);
  const inside = (...args: string[]): Promise<unknown> =>
    execa("nsenter", [`--target=${island.pid}`, "--net", "ip", ...args]);
  await ip("link", "add", "hub0", "type", "veth", "peer", "name", "hub1", "netns", String(island.pid));
  await ip("addr", "add", `${here}/29`, "dev", "hub0");
  await ip("link", "set", "hub0", "up");
  await inside("link", "set", "lo", "up");
  for (const address of [registry, index]) await inside("addr", "add", `${address}/29`, "dev", "hub1");
  await inside("link", "set", "hub1", "up");
}

function registryConfig(dir: string, address: string, tls: boolean): string {
  const secure = tls ? `, tls: {certificate: "${dir}/hub.crt", key: "${dir}/hub.key"}` : "";
  return `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: "${dir}/registry"}}
http: {addr: "${address}"${secure}}
`;
}

function proxyConfig(dir: string): string {
  return `Port ${port}
Listen ${here}
Listen 127.0.0.1
Timeout 60
LogFile "${dir}/proxy.log"
LogLevel Connect
MaxClients 50
BasicAuth ${user} ${password}
ConnectPort 443
`;
}
