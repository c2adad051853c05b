import { basename } from "node:path";

type Main = (argv: readonly string[]) => Promise<number>;

/** The programs of a node. Each is read only when it is called. */
const programs: Readonly<Record<string, () => Promise<{ readonly main: Main }>>> = {
  fleetd: async () => await import("./fleetd.ts"),
  fleetctl: async () => await import("./fleetctl.ts"),
  "flotilla-cloudinit": async () => await import("./cloudinit.ts"),
  "flotilla-ready": async () => await import("./ready.ts"),
};

/** Which program is meant: by the name we were called, else by the first argument (`flotilla-node fleetctl …`). */
function choose(
  called: string,
  args: readonly string[],
): { readonly name: string; readonly argv: readonly string[] } {
  const name = basename(called);
  if (Object.hasOwn(programs, name)) return { name, argv: args };
  return { name: args[0] ?? "", argv: args.slice(1) };
}

async function run(): Promise<number> {
  const { name, argv } = choose(process.argv0, process.argv.slice(2));
  const load = Object.hasOwn(programs, name) ? programs[name] : undefined;
  if (load === undefined) {
    process.stderr.write(`usage: flotilla-node ${Object.keys(programs).join("|")} [ARGUMENT…]\n`);
    return 2;
  }
  // Otherwise the process is called MainThread and nobody finds it with pidof.
  process.title = name;
  const { main } = await load();
  return await main(argv);
}

/** What was written but not yet read on the other side of a pipe would be lost with the process. */
async function flushed(): Promise<void> {
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise((done) => stream.write("", done)),
  );
  await Promise.all(written);
}

run().then(
  async (code) => {
    await flushed();
    process.exit(code);
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(70);
  },
);
