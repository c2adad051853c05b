import { parseArgs } from "node:util";
import { systemClock } from "../foundation/clock.ts";
import { messageOf } from "../foundation/errors.ts";
import { hostExec } from "../foundation/exec.ts";
import { explain } from "../node/ready/explain.ts";
import { layerNames, type Layers } from "../node/ready/layer.ts";
import { nodePlaces, nodeProbes } from "../node/ready/probes.ts";
import { lookOnce, watchLayers } from "../node/ready/watch.ts";

const usage = `usage: flotilla-ready [--machines N] [--follow | --explain]

Says which layers of this machine work: cloud-config, etcd, docker, fleet. One line of JSON; exit 0 when all do, else 1.

  --machines N  fleet is ready once it sees N machines (default: 1)
  --follow      a line for every change, until all layers work or standard input ends
  --explain     for people: also the units and last journal lines of the layers that do not work
`;

interface Options {
  readonly machines: number;
  readonly follow: boolean;
  readonly explain: boolean;
}

/** flotilla-ready. Exits 0 when every layer works, 1 when not, 2 for a wrong call. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const probes = nodeProbes(nodePlaces, options.machines);
  if (options.follow) {
    const signal = endOfInput();
    return (await watchLayers(probes, { clock: systemClock(), signal, onChange: print })) ? 0 : 1;
  }
  const layers = await lookOnce(probes);
  if (options.explain) process.stdout.write(await explain(layers, hostExec()));
  else print(layers);
  return layerNames.every((name) => layers[name].ok) ? 0 : 1;
}

function print(layers: Layers): void {
  process.stdout.write(`${JSON.stringify({ layers })}\n`);
}

/** Whoever asked holds our standard input open for as long as they want to know. */
function endOfInput(): AbortSignal {
  const ended = new AbortController();
  process.stdin.on("end", () => ended.abort());
  process.stdin.on("error", () => ended.abort());
  process.stdin.resume();
  return ended.signal;
}

function readOptions(argv: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { machines: { type: "string" }, follow: { type: "boolean" }, explain: { type: "boolean" } },
    });
    const machines = Number(values.machines ?? "1");
    if (!Number.isInteger(machines) || machines < 1)
      throw new Error(`--machines: "${values.machines}" is not a count`);
    return { machines, follow: values.follow ?? false, explain: values.explain ?? false };
  } catch (error) {
    process.stderr.write(`flotilla-ready: ${messageOf(error)}\n`);
    return undefined;
  }
}
