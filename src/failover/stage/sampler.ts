import { PassThrough } from "node:stream";
import { createInterface } from "node:readline";
import { shellQuote } from "../../foundation/exec.ts";
import type { SshConnection } from "../../foundation/ssh.ts";
import type { Sample } from "./stage.ts";

/**
 * Asks the node's own systemd for the units' states, again and again, and says so only when something changed. One shell
 * loop on the node, because an answer over the network would be late exactly when it matters.
 */
export async function* sampleUnits(
  connect: () => Promise<SshConnection>,
  units: readonly string[],
  every: number,
  signal: AbortSignal,
): AsyncGenerator<Sample> {
  const connection = await connect();
  const output = new PassThrough();
  const ended = connection
    .exec(samplingLoop(units, every), { stdout: output, signal })
    .catch(() => undefined)
    .finally(() => output.end());
  try {
    let fields: Record<string, string> = {};
    let last = new Map<string, string>();
    for await (const line of createInterface({ input: output })) {
      const [, name = "", value = ""] = /^(\w+)=(.*)$/.exec(line) ?? [];
      if (name !== "") fields[name] = value;
      else if (fields["Id"] !== undefined) {
        const sample = sampleOf(fields);
        const text = JSON.stringify(sample);
        if (last.get(sample.unit) !== text) yield sample;
        last = last.set(sample.unit, text);
        fields = {};
      }
    }
  } finally {
    void connection.end();
    await ended;
  }
}

/**
 * Prints blocks of Name=value lines, each ended by an empty line, whenever anything has changed; and an empty line now
 * and then, so that the loop ends by itself when nobody listens any more.
 */
function samplingLoop(units: readonly string[], every: number): string {
  const show = `systemctl show -p Id,ActiveState,SubState,InvocationID ${units.map(shellQuote).join(" ")}`;
  return [
    "last=; n=0; silent=0; while :; do",
    // A systemd that is overwhelmed for a moment answers the next time; one that is gone does not.
    `if now=$(${show}); then silent=0; else silent=$((silent + 1)); [ $silent -lt 4 ] || exit; now=$last; fi; n=$((n + 1))`,
    `if [ "$now" != "$last" ]; then last=$now; printf '%s\\n\\n' "$now" || exit; fi`,
    `if [ $((n % 10)) = 0 ]; then echo || exit; fi`,
    `sleep ${every / 1_000}; done`,
  ].join("\n");
}

const sampleOf = (fields: Readonly<Record<string, string>>): Sample => ({
  unit: fields["Id"] ?? "",
  active: fields["ActiveState"] ?? "",
  sub: fields["SubState"] ?? "",
  invocation: fields["InvocationID"] ?? "",
});
