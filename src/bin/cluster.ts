import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isatty } from "node:tty";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ImageInfo, Io, Wiring } from "../cli/context.ts";
import { run } from "../cli/run.ts";
import { systemClock } from "../foundation/clock.ts";
import { AppError } from "../foundation/errors.ts";
import { lineLog, type Log } from "../foundation/log.ts";
import type { Exec } from "../foundation/exec.ts";
import type { World } from "../lifecycle/cluster.ts";
import type { Owner } from "../lifecycle/state/owner.ts";
import type { Provider } from "../provider/provider.ts";
import type { ProviderName } from "../spec/model.ts";
import type { OwnBox } from "../provision/vagrant.ts";

/** The repository, or the installed package: two folders above src/bin and dist/host alike. */
const root = fileURLToPath(new URL("../..", import.meta.url));
const clock = systemClock();

/** The command `cluster`. Gives its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const io: Io = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    platform: process.platform,
    home: homedir(),
    ...interruptions(),
    isTTY: isatty(0) && isatty(2),
  };
  // A reader that has gone away (`cluster logs | head`) is no mistake.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 70));
  return await run(argv, io, wiring());
}

/** A terminal, and the launcher in front of us, may both pass on the same Ctrl-C: within this time it is one. ms */
const sameKeystroke = 250;

/** The first Ctrl-C stops us in good order, the second at once; but who makes haste by itself has until the third. */
function interruptions(): Pick<Io, "signal" | "hurry"> {
  const [stop, hurry] = [new AbortController(), new AbortController()];
  let hastens = false;
  let last = -Infinity;
  const onSignal = (): void => {
    if (clock.monotonic() - last < sameKeystroke) return;
    last = clock.monotonic();
    if (stop.signal.aborted) {
      if (!hastens || hurry.signal.aborted) process.exit(130);
      hurry.abort(new AppError("E_INTERRUPTED", "interrupted twice"));
      return;
    }
    const hint = "run the same command again to go on, or 'cluster destroy' to remove what there is";
    stop.abort(new AppError("E_INTERRUPTED", "interrupted", { hint }));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  return {
    signal: stop.signal,
    hurry: () => {
      hastens = true;
      return hurry.signal;
    },
  };
}

function wiring(): Wiring {
  return {
    world: openWorld,
    images: openImages,
    supervise: async (stateDir, signal) => {
      const { runSupervisor } = await import("../provider/nspawn/supervisor/run.ts");
      await runSupervisor({ stateDir, exec: await lazyExec(), clock, log: stderrLog("info"), signal });
      return 0;
    },
    attend: async (stateDir, signal) => {
      const { attend } = await import("../provider/vagrant/attend.ts");
      await attend(stateDir, { clock, log: stderrLog("info"), signal });
      return 0;
    },
    sshPorts: async (stateDir) =>
      await (await import("../provider/nspawn/forwards.ts")).sshForwards({ stateDir }),
  };
}

const openWorld: Wiring["world"] = async ({ emit, signal, hurry, command }) => {
  const [{ sshAccess }, { hostProcesses }, { hostWindow }, exec] = await Promise.all([
    import("../lifecycle/access/ssh-access.ts"),
    import("../lifecycle/state/processes.ts"),
    import("../doctor/host-window.ts"),
    lazyExec(),
  ]);
  const world: World = {
    provider: (name) => providerNamed(name, exec, () => world),
    access: sshAccess(),
    materials: async (spec, provider) => {
      const { readMaterials } = await import("../lifecycle/prepare/host-materials.ts");
      const executable = join(root, "dist/node/flotilla-node");
      const places = { vagrantHome: await homeOfVagrant(), executable, findBox: ownBox };
      return await readMaterials(spec, provider, places);
    },
    exec,
    host: hostWindow({ exec, clock, env: process.env }),
    clock,
    log: stderrLog(),
    processes: hostProcesses(),
    owner: callingUser(),
    emit,
    signal,
    hurry,
    command,
  };
  return world;
};

async function providerNamed(
  name: ProviderName,
  exec: Exec,
  world: () => World,
): Promise<Provider | undefined> {
  if (name === "nspawn") return await nspawn(exec);
  if (name !== "libvirt" && name !== "virtualbox") return undefined;
  const { virtualMachines, boxOptions } = await import("./virtual-machines.ts");
  return virtualMachines(name, {
    exec,
    clock,
    box: boxOptions(exec, root, imagePlaces()),
    vagrantHome: await homeOfVagrant(),
    world,
    attendantCommand: [process.execPath, join(root, "dist/cluster.js"), "attend"],
  });
}

async function homeOfVagrant(): Promise<string> {
  const { vagrantHome } = await import("../provider/vagrant/home.ts");
  return vagrantHome({ env: process.env, platform: process.platform, home: homedir() });
}

const openImages: Wiring["images"] = async () => {
  const [{ buildImage, listImages, pruneImages }, { referenced }, exec] = await Promise.all([
    import("../provider/image/image.ts"),
    import("../provider/nspawn/references.ts"),
    lazyExec(),
  ]);
  const options = { ...imagePlaces(), exec };
  const used = async (): Promise<ReadonlySet<string>> => (await referenced(options.cacheDir)).images;
  return {
    build: async (provider, say, signal) => {
      if (provider === "nspawn") return (await buildImage(options, say, signal)).path;
      const [{ buildBox }, { boxOptions }] = await Promise.all([
        import("../provider/image/box.ts"),
        import("./virtual-machines.ts"),
      ]);
      return (await buildBox(boxOptions(exec, root, imagePlaces()), provider, say, signal)).metadata;
    },
    list: async () =>
      (await listImages(options, await used())).map(({ hash, ...rest }): ImageInfo => ({
        id: hash,
        ...rest,
      })),
    prune: async () => await pruneImages(options, await used()),
  };
};

/** Our own box for virtual machines, when it has been built here. */
async function ownBox(kind: "libvirt" | "virtualbox"): Promise<OwnBox | undefined> {
  const [{ findBox }, { boxOptions }] = await Promise.all([
    import("../provider/image/box.ts"),
    import("./virtual-machines.ts"),
  ]);
  if (!existsSync(join(root, "dist/node/layer"))) return undefined;
  const box = await findBox(boxOptions(await lazyExec(), root, imagePlaces()), kind);
  return box === undefined ? undefined : { url: `file://${box.metadata}`, version: box.version };
}

async function nspawn(exec: Exec): Promise<Provider> {
  const { createNspawnProvider } = await import("../provider/nspawn/provider.ts");
  return createNspawnProvider({
    ...imagePlaces(),
    exec,
    clock,
    log: stderrLog(),
    supervisorCommand: [process.execPath, join(root, "dist/cluster.js"), "supervise"],
    layerDir: join(root, "dist/node/layer"),
  });
}

/** execa takes a while to read, and commands that only look run no program. */
async function lazyExec(): Promise<Exec> {
  let real: Exec | undefined;
  return {
    run: async (command) => {
      real ??= (await import("../foundation/exec.ts")).hostExec();
      return await real.run(command);
    },
  };
}

function imagePlaces(): { readonly recipeDir: string; readonly cacheDir: string } {
  const { XDG_CACHE_HOME } = process.env;
  const cache =
    XDG_CACHE_HOME === undefined || XDG_CACHE_HOME === "" ? join(homedir(), ".cache") : XDG_CACHE_HOME;
  return { recipeDir: join(root, "templates/image"), cacheDir: join(cache, "flotilla") };
}

function stderrLog(level?: "info"): Log {
  const wanted = process.env["FLOTILLA_LOG"] === "debug" ? "debug" : (level ?? "warn");
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  return lineLog({ write, level: wanted, style: "plain" });
}

/** Under sudo, files belong to the one who called it. */
function callingUser(): Owner | undefined {
  const [uid, gid] = [Number(process.env["SUDO_UID"]), Number(process.env["SUDO_GID"])];
  if (process.getuid?.() !== 0 || !Number.isInteger(uid) || !Number.isInteger(gid)) return undefined;
  return { uid, gid };
}
