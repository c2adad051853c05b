/** How a simulated unit behaves. Times in ms. */
export interface Behaviour {
  /** systemd's LoadState for the file. */
  readonly load: "loaded" | "bad-setting";
  /** Its start waits for those of these units that are under way. */
  readonly after: readonly string[];
  readonly startTakes: number;
  readonly stopTakes: number;
  /**
   * `runs` until stopped; `ends` at once with success; `stays` active after its end (RemainAfterExit); `fails` while it
   * starts; `fails-later`: starts, then dies.
   */
  readonly run: "runs" | "ends" | "stays" | "fails" | "fails-later";
}

/**
 * Reads from a unit file what it would do under a real systemd, as far as tests need: `ExecStart=/bin/false` fails,
 * `/bin/true` ends, anything else runs; `ExecStartPre=` and `ExecStop=/bin/sleep N` take N seconds; `After=` orders starts;
 * a service without ExecStart is refused. So one unit file behaves alike here and on a real node.
 */
export function behaviourOf(name: string, content: string): Behaviour {
  const command = last(content, "ExecStart");
  const oneshot = last(content, "Type") === "oneshot";
  const ended = last(content, "RemainAfterExit") === "yes" ? "stays" : "ends";
  return {
    load: name.endsWith(".service") && command === undefined ? "bad-setting" : "loaded",
    after: last(content, "After")?.split(/\s+/) ?? [],
    startTakes: sleepOf(last(content, "ExecStartPre")),
    stopTakes: sleepOf(last(content, "ExecStop")),
    run:
      command === "/bin/false"
        ? oneshot
          ? "fails"
          : "fails-later"
        : command === "/bin/true"
          ? ended
          : "runs",
  };
}

function last(content: string, option: string): string | undefined {
  return content
    .split("\n")
    .filter((line) => line.startsWith(`${option}=`))
    .at(-1)
    ?.slice(option.length + 1);
}

function sleepOf(command: string | undefined): number {
  const seconds = /^\/bin\/sleep (\d+(?:\.\d+)?)$/.exec(command ?? "")?.[1];
  return seconds === undefined ? 0 : Number(seconds) * 1_000;
}
