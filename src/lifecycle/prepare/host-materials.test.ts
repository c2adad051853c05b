import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aCluster } from "../../../test/support/rendered-cluster.ts";
import { vagrantHome } from "../../provider/vagrant/home.ts";
import { readMaterials } from "./host-materials.ts";

describe("Vagrant's own folder", () => {
  const wsl = { WSL_DISTRO_NAME: "Debian", USERPROFILE: "C:\\Users\\Me too" };
  it.each([
    ["linux", {}, "/home/me/.vagrant.d"],
    ["darwin", { USERPROFILE: "x" }, "/home/me/.vagrant.d"],
    ["linux", { VAGRANT_HOME: "/v" }, "/v"],
    ["win32", { USERPROFILE: "C:\\Users\\me" }, "C:\\Users\\me\\.vagrant.d"],
    ["win32", { USERPROFILE: "C:\\Users\\me", VAGRANT_HOME: "D:\\v" }, "D:\\v"],
    ["linux", wsl, "/home/me/.vagrant.d"],
    ["linux", { ...wsl, VAGRANT_WSL_ENABLE_WINDOWS_ACCESS: "1" }, "/mnt/c/Users/Me too/.vagrant.d"],
    [
      "linux",
      {
        ...wsl,
        VAGRANT_WSL_ENABLE_WINDOWS_ACCESS: "1",
        VAGRANT_WSL_WINDOWS_ACCESS_USER_HOME_PATH: "/mnt/d/me",
      },
      "/mnt/d/me/.vagrant.d",
    ],
  ] as const)("on %s with %j is %s", (platform, env, path) => {
    expect(vagrantHome({ platform, env, home: "/home/me" })).toBe(path);
  });
});

describe("what machines get of this host", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "flotilla-materials-"));
  });
  afterEach(async () => await rm(home, { recursive: true }));
  const places = (): { vagrantHome: string; executable: string } => ({
    vagrantHome: join(home, ".vagrant.d"),
    executable: join(home, "flotilla-node"),
  });

  it("is Vagrant's key, wherever its version puts it, and our executable", async () => {
    await mkdir(join(home, ".vagrant.d/insecure_private_keys"), { recursive: true });
    await writeFile(join(home, ".vagrant.d/insecure_private_keys/vagrant.key.rsa"), "newer");
    await writeFile(join(home, "flotilla-node"), "");
    const { spec } = aCluster();
    expect(await readMaterials(spec, "virtualbox", places())).toEqual({
      insecureKey: "newer",
      executable: {
        source: join(home, "flotilla-node"),
        sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      },
      notes: [],
    });
    expect(await readMaterials(spec, "libvirt", places())).toEqual({ insecureKey: "newer", notes: [] });
    expect(await readMaterials(spec, "nspawn", places())).toEqual({ notes: [] });
  });

  it("says what is missing, and stops only where it was asked for", async () => {
    const { notes } = await readMaterials(aCluster().spec, "virtualbox", places());
    expect(notes).toEqual([
      expect.stringContaining("no insecure_private_key"),
      expect.stringContaining("npm run build"),
    ]);
    const { spec } = aCluster("ssh: {insecureKey: inject}");
    await expect(readMaterials(spec, "virtualbox", places())).rejects.toMatchObject({ code: "E_HOST_LACKS" });
    expect(
      (await readMaterials(aCluster("ssh: {insecureKey: off}").spec, "libvirt", places())).notes,
    ).toEqual([]);
  });
});
