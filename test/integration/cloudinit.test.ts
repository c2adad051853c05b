import { mkdir, mkdtemp, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const program = resolve(import.meta.dirname, "../../src/bin/node.ts");
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cloudinit-"));
  const { uid, gid } = await stat(root);
  await mkdir(join(root, "etc"));
  await mkdir(join(root, "home/core"), { recursive: true });
  await mkdir(join(root, "var/lib/flotilla"), { recursive: true });
  await writeFile(
    join(root, "etc/passwd"),
    `root:x:0:0::/root:/bin/sh\ncore:x:${uid}:${gid}::/home/core:/bin/bash\n`,
  );
  await writeFile(join(root, "etc/group"), `root:x:0:\ncore:x:${gid}:\n`);
});

afterEach(async () => await rm(root, { recursive: true, force: true }));

async function apply(
  text: string,
  ...options: string[]
): Promise<{ code: number | undefined; out: string; err: string }> {
  await writeFile(join(root, "var/lib/flotilla/user-data"), text);
  const argv = [program, "flotilla-cloudinit", "--root", root, ...options];
  const { exitCode, stdout, stderr } = await execa(process.execPath, argv, { reject: false });
  return { code: exitCode, out: stdout, err: stderr };
}

const read = async (path: string): Promise<string> => await readFile(join(root, path), "utf8");
const modeOf = async (path: string): Promise<string> =>
  ((await stat(join(root, path))).mode & 0o7777).toString(8);
const result = async (): Promise<unknown> => JSON.parse(await read("run/flotilla/cloudinit.json"));

const document = `#cloud-config
hostname: core-01
ssh_authorized_keys:
  - ssh-ed25519 AAAA operator
write_files:
  - path: /home/core/.fleetctl/known_hosts
    owner: core:core
    permissions: "0600"
    content: |
      core-02 ssh-ed25519 BBBB
  - path: /opt/tool
    permissions: "4755"
    encoding: base64
    content: AAEC/w==
coreos:
  etcd2:
    name: core-01
  units:
    - name: old.service
      mask: true
    - name: hello.service
      command: start
      content: |
        [Service]
        ExecStart=/bin/true
`;

describe("flotilla-cloudinit --root", () => {
  it("writes the very bytes and modes that the document says, and runs nothing", async () => {
    expect(await apply(document)).toMatchObject({ code: 0, err: "" });
    expect(await read("etc/hostname")).toBe("core-01\n");
    expect(await read("home/core/.fleetctl/known_hosts")).toBe("core-02 ssh-ed25519 BBBB\n");
    expect(await modeOf("home/core/.fleetctl/known_hosts")).toBe("600");
    expect(await readFile(join(root, "opt/tool"))).toEqual(Buffer.from([0, 1, 2, 255]));
    expect(await modeOf("opt/tool")).toBe("4755");
    expect(await modeOf("home/core/.ssh")).toBe("700");
    expect(await modeOf("home/core/.ssh/authorized_keys")).toBe("600");
    expect(await readlink(join(root, "etc/systemd/system/old.service"))).toBe("/dev/null");
    expect(await read("run/systemd/system/etcd2.service.d/20-cloudinit.conf")).toBe(
      '[Service]\nEnvironment="ETCD_NAME=core-01"\n',
    );
    expect(await result()).toMatchObject({
      ok: true,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it("changes nothing the second time", async () => {
    await apply(document);
    const before = await stat(join(root, "opt/tool"));
    expect(await apply(document)).toEqual({ code: 0, out: "", err: "" });
    expect((await stat(join(root, "opt/tool"))).ino).toBe(before.ino);
  });

  it("only prints with --dry-run", async () => {
    const { out } = await apply(document, "--dry-run");
    expect(out).toContain(
      "write /opt/tool 4755 (4 bytes)  # line 11: write_files[1]: the file does not exist",
    );
    await expect(stat(join(root, "opt"))).rejects.toThrow("ENOENT");
  });

  it("says every problem with its line, exits 1 and leaves the machine alone", async () => {
    const { code, err } = await apply("#cloud-config\nhostname: new\ncoreos:\n  etcd3: {}\n  units: 7\n");
    expect(code).toBe(1);
    expect(err).toContain('user-data: line 4: coreos.etcd3: unrecognized key "etcd3"');
    expect(err).toContain('user-data: line 5: coreos.units: must be a list, not "7"');
    await expect(read("etc/hostname")).rejects.toThrow("ENOENT");
    expect(await result()).toMatchObject({ ok: false, error: { key: "coreos.etcd3", line: 4 } });
  });

  it("replaces what is in the way of a file only when it can", async () => {
    await mkdir(join(root, "etc/hostname"));
    const { code, err } = await apply("#cloud-config\nwrite_files: [{path: /etc/hostname, content: x}]\n");
    expect([code, err]).toEqual([1, expect.stringContaining("/etc/hostname is a folder")]);
  });
});
