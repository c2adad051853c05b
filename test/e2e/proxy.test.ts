import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, onHost, root, testCluster, type TestCluster } from "../support/cluster.ts";
import { startCompany, type Company } from "../support/docker-hub.ts";

/**
 * Stories K1 to K6: a company's network, where only a proxy reaches Docker Hub. The cluster has no mirror and no way out
 * of its own. The proxy's log tells which node came through it.
 */

let cluster: TestCluster;
let company: Company;
/** Where the unit could not start; the machine that gets the proxy first; the third. */
let [unlucky, first, third] = ["", "", ""];

const nodes = ["core-01", "core-02", "core-03"];
const addressOf = (node: string): string => `192.168.56.1${node.slice(-1)}`;
/** As a user has to write them: every letter may be percent-encoded. */
const credentials = "m%65:p%61ssw%30rd";
const listed = Array.from({ length: 100 }, (_, index) => `host${index}.intranet.example`);
const own = "/etc/systemd/system/docker.service.d/http-proxy.conf";

function setProxy(address: string | undefined): void {
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) {
    if (address === undefined) delete process.env[name];
    else process.env[name] = `http://${credentials}@${address}`;
  }
  process.env["NO_PROXY"] = ["*.corp.example", ...listed].join(", ");
}

beforeAll(async () => {
  setProxy(undefined);
  company = await startCompany();
  const ca = { path: "/etc/ssl/certs/company.pem", permissions: "0644", content: company.authority };
  cluster = await testCluster({
    example: "demo",
    change: {
      provider: "nspawn",
      docker: { mirror: false },
      network: { internet: false },
      services: [],
      proxy: "from-env",
      userData: { write_files: [ca] },
    },
  });
  await cluster.must("up");
}, 240_000);
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await company[Symbol.asyncDispose]();
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]) delete process.env[name];
});

const environmentOf = async (node: string): Promise<string> =>
  await cluster.on(node, "bash -lc env | grep -i _proxy= | sort");
const docker = (node: string): Promise<string> =>
  cluster.on(node, "systemctl show docker -p Environment --value");
const since = (node: string): Promise<string> =>
  cluster.on(node, "systemctl show docker -p ActiveEnterTimestampMonotonic --value");
const pulls = async (node: string): Promise<boolean> =>
  (await cluster.try(node, "docker rmi -f busybox >/dev/null 2>&1; docker pull busybox")).code === 0;
const finds = async (node: string): Promise<boolean> => {
  const found = await cluster.try(node, "docker search busybox");
  return found.code === 0 && found.stdout.includes("what was looked for");
};
const callers = (): string[] =>
  [...new Set(company.requests().map((line) => line.split(" ")[0] ?? ""))].sort();

describe("K2: behind the proxy and without it", () => {
  it("search and pull fail", async () => {
    expect(await pulls("core-02")).toBe(false);
    expect(await finds("core-02")).toBe(false);
    expect(
      (await cluster.try("core-02", "curl --silent --max-time 3 --insecure https://10.99.0.2/v2/")).code,
    ).not.toBe(0);
    expect(company.requests()).toEqual([]);
  });

  it("the unit fails, and fleetctl status says why, from every node", async () => {
    await cluster.put(
      "core-01",
      "hello.service",
      await readFile(join(root, "clusters/demo/services/hello.service"), "utf8"),
    );
    await cluster.try("core-01", "fleetctl start --no-block hello.service");
    const row = await eventually("the unit has failed", async () => {
      const units = await cluster.on(
        "core-01",
        "fleetctl list-units --no-legend --fields unit,machine,active",
      );
      return /hello\.service\s+\S+\/(\S+)\s+failed/.exec(units)?.[1];
    });
    unlucky = nodes.find((node) => addressOf(node) === row) ?? "";
    [first = "", third = ""] = nodes.filter((node) => node !== unlucky);
    for (const node of nodes) {
      const status = await cluster.try(node, "fleetctl status hello.service");
      expect(status.stdout, node).toMatch(/dial|lookup|Error response from daemon/);
    }
  });
});

describe("K1: the proxy for one machine", () => {
  it(
    "reaches login shells, sudo, docker, fleet's units and apt, and no other machine",
    { timeout: 120_000 },
    async () => {
      await cluster.must(
        "ssh",
        third,
        "--",
        `sudo mkdir -p ${own.replace(/\/[^/]*$/, "")} && printf '[Service]\\nEnvironment=HTTP_PROXY=http://mine:1\\n' | sudo tee ${own}`,
      );
      const others = await Promise.all([unlucky, third].map(since));
      setProxy(company.proxy);
      await cluster.must("reload", "--provision", first);
      const shell = await environmentOf(first);
      for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"]) {
        expect(shell).toContain(`${name}=http://${credentials}@${company.proxy}`);
      }
      expect(await cluster.on(first, "bash -lc 'sudo env'")).toContain(`HTTP_PROXY=http://${credentials}@`);
      expect(await docker(first)).toContain(`HTTPS_PROXY=http://${credentials}@${company.proxy}`);
      const unit = await cluster.on(first, "sudo systemd-run --quiet --wait --pipe env");
      expect(unit).toContain(`https_proxy=http://${credentials}@${company.proxy}`);
      expect(await cluster.on(first, "apt-config dump Acquire::http::Proxy")).toContain(company.proxy);
      for (const node of [unlucky, third]) expect(await environmentOf(node).catch(() => "")).toBe("");
      expect(await Promise.all([unlucky, third].map(since))).toEqual(others);
    },
  );

  it("makes search and pull work there, through the proxy, and only there", async () => {
    company.forget();
    expect(await pulls(first)).toBe(true);
    expect(await finds(first)).toBe(true);
    expect(await pulls(unlucky)).toBe(false);
    expect(callers()).toEqual([addressOf(first)]);
    const asked = company.requests().map((line) => line.split(" ").slice(1).join(" "));
    expect(asked).toContain("CONNECT registry-1.docker.io:443");
    expect(asked).toContain("CONNECT index.docker.io:443");
  });

  it("starts docker anew only when its proxy has changed", async () => {
    const before = await since(first);
    await cluster.must("provision", first);
    expect(await since(first)).toBe(before);
  });
});

describe("K5: passwords, percent signs, long lists", () => {
  it("arrive whole, completed by every node, and cleaned", async () => {
    const settings = await docker(first);
    const direct = /NO_PROXY=(\S*)/.exec(settings)?.[1]?.split(",") ?? [];
    expect(direct).toEqual(
      expect.arrayContaining([...listed, ".corp.example", "localhost", ...nodes, ...nodes.map(addressOf)]),
    );
    expect((await environmentOf(first)).match(/^no_proxy=.*host99\.intranet\.example/m)).not.toBeNull();
  });

  it("are never shown", async () => {
    const said = await Promise.all([
      cluster.run("validate"),
      cluster.run("up", "--dry-run"),
      cluster.run("status"),
    ]);
    expect(JSON.stringify(said)).not.toMatch(/p%61ssw|passw0rd/);
    const logs = await onHost("grep", ["-rlE", "p%61ssw|passw0rd", join(cluster.dir, ".state/logs")]);
    expect(logs.stdout).toBe("");
    expect((await cluster.try(first, "journalctl -u flotilla-cloudinit | grep -c p%61ssw")).stdout).toBe("0");
  });

  it("lets nodes reach each other and etcd past the proxy", async () => {
    company.forget();
    await cluster.on(
      first,
      `bash -lc 'curl -sf http://${addressOf(third)}:2379/health http://${third}:2379/health'`,
    );
    expect(company.requests()).toEqual([]);
    expect(
      await cluster.on(
        first,
        "sudo cat /proc/$(pidof etcd)/environ | tr '\\0' '\\n' | grep -ciE '^https?_proxy' || true",
      ),
    ).toBe("0");
  });
});

describe("K3 and K6: the proxy for the others", () => {
  it("lets the unit start that could not", { timeout: 240_000 }, async () => {
    await cluster.must("reload", "--provision", unlucky, third);
    await eventually(
      "the unit runs",
      async () =>
        /active\s+running/.test(
          await cluster.on("core-01", "fleetctl list-units --no-legend --fields unit,active,sub"),
        ),
      60_000,
    );
    company.forget();
    expect(await pulls(unlucky)).toBe(true);
    expect(callers()).toEqual([addressOf(unlucky)]);
  });

  it("leaves a drop-in alone that somebody made by hand, and says that it overrides ours", async () => {
    expect(await cluster.on(third, `cat ${own}`)).toBe("[Service]\nEnvironment=HTTP_PROXY=http://mine:1");
    expect(await docker(third)).toContain("HTTP_PROXY=http://mine:1");
    const status = await cluster.run("status");
    expect(status.stdout).toContain(
      `${third}: ${own} is not ours and overrides the proxy of cluster.yaml for docker.service`,
    );
    expect(status.stdout).not.toContain(`${first}: ${own}`);
    expect((await cluster.run("doctor")).stdout).toContain(`${third}: ${own} is not ours`);
  });

  it(
    "may listen on this host's loopback: the nodes find it at the gateway",
    { timeout: 120_000 },
    async () => {
      setProxy(company.proxy.replace(/^.*:/, "127.0.0.1:"));
      await cluster.must("provision", first);
      expect(await environmentOf(first)).toContain(`HTTP_PROXY=http://${credentials}@192.168.56.1:3128`);
      company.forget();
      await eventually("docker pulls through it", async () => await pulls(first));
      expect(company.requests().join("\n")).toContain("CONNECT registry-1.docker.io:443");
    },
  );
});

describe("K4: the proxy taken away", () => {
  it(
    "leaves no trace of ours, what is not ours, and neither search nor pull",
    { timeout: 240_000 },
    async () => {
      setProxy(undefined);
      await cluster.on(unlucky, "echo '# mine' | sudo tee -a /etc/profile.d/proxy.sh");
      const said = await cluster.run("provision");
      expect(said.code, said.stderr).toBe(0);
      expect(said.stderr).toContain(`${unlucky}: /etc/profile.d/proxy.sh was left`);
      await cluster.on(unlucky, "sudo rm /etc/profile.d/proxy.sh");
      const places = "/etc /run/systemd /var/lib/flotilla /home /root";
      for (const node of nodes) {
        const left = await cluster.try(
          node,
          `sudo grep -rlE '10\\.99\\.0\\.1:|192\\.168\\.56\\.1:3128|p%61ssw' ${places}`,
        );
        expect(left.stdout, node).toBe("");
        expect(await environmentOf(node).catch(() => ""), node).toBe("");
      }
      expect(await cluster.on(third, `cat ${own}`)).toContain("http://mine:1");
      expect((await cluster.run("status")).stdout).not.toContain("overrides");
      company.forget();
      expect(await pulls(first)).toBe(false);
      expect(await finds(first)).toBe(false);
      expect(company.requests()).toEqual([]);
    },
  );
});
