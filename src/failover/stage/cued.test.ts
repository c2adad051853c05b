import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExecOptions, SshConnection } from "../../foundation/ssh.ts";
import { cuedCommands, type Cued } from "./cued.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-cued-"));
});
afterAll(async () => rm(folder, { recursive: true }));

const options = { within: 5_000, signal: new AbortController().signal };

/** A connection whose other end is a shell of this host, where nobody has to become root. */
function localConnection(): { readonly connection: SshConnection; readonly lose: () => void } {
  const lost = new AbortController();
  const exec = async (command: string, { stdin, stdout, stderr }: ExecOptions = {}): Promise<number> => {
    const child = spawn("sh", ["-c", command.replace(/^sudo /, "")]);
    if (typeof stdin === "object" && "pipe" in stdin) stdin.pipe(child.stdin);
    if (stdout !== undefined) child.stdout.pipe(stdout);
    if (stderr !== undefined) child.stderr.pipe(stderr);
    // What a broken connection means over there: its input is at its end.
    lost.signal.addEventListener("abort", () => child.stdin.end());
    const [code] = (await once(child, "close")) as [number];
    return code;
  };
  const connection = { exec, lost: lost.signal } as unknown as SshConnection;
  return { connection, lose: () => lost.abort() };
}

function cuedOn(connection: SshConnection): Cued {
  return cuedCommands(() => Promise.resolve(connection));
}

describe("commands that wait for their cue", () => {
  it("run when they get it, once for each time they were prepared", async () => {
    const cued = cuedOn(localConnection().connection);
    const file = join(folder, "cued");
    const script = `touch ${file}; echo done; echo oh >&2; exit 3`;
    await cued.prepare("core-01", script, options);
    expect(existsSync(file)).toBe(false);
    expect(await cued.run("core-01", script, options)).toEqual({ code: 3, stdout: "done\n", stderr: "oh\n" });
    expect(existsSync(file)).toBe(true);
    expect(cued.run("core-01", script, options)).toBeUndefined();
  });

  it("have answered when they are at their end, though what they left behind still runs", async () => {
    const { connection } = localConnection();
    const closed = Promise.withResolvers<string>();
    const exec = async (command: string, streams?: ExecOptions): Promise<number> => {
      const code = await connection.exec(command, streams);
      closed.resolve("closed");
      return code;
    };
    const cued = cuedOn({ ...connection, exec });
    const script = "echo done; sleep 1 &";
    await cued.prepare("core-01", script, options);
    const answered = cued.run("core-01", script, options)?.then(() => "answered");
    expect(await Promise.race([answered, closed.promise])).toBe("answered");
    expect(await answered).toBe("answered");
    expect(await closed.promise).toBe("closed");
  });

  it("are not there for other lines, or for other machines", async () => {
    const cued = cuedOn(localConnection().connection);
    await cued.prepare("core-01", "true", options);
    expect(cued.run("core-01", "false", options)).toBeUndefined();
    expect(cued.run("core-02", "true", options)).toBeUndefined();
  });

  it("never run when who would give the cue is gone", async () => {
    const { connection, lose } = localConnection();
    const ended = Promise.withResolvers<number>();
    const exec = async (command: string, streams?: ExecOptions): Promise<number> => {
      const code = await connection.exec(command, streams);
      ended.resolve(code);
      return code;
    };
    const cued = cuedOn({ ...connection, exec });
    const file = join(folder, "never");
    await cued.prepare("core-01", `touch ${file}`, options);
    lose();
    expect(await ended.promise).toBe(0);
    expect(existsSync(file)).toBe(false);
    expect(cued.run("core-01", `touch ${file}`, options)).toBeUndefined();
  });

  it("are not waited for on a machine that does not answer", async () => {
    const cued = cuedCommands(() => Promise.reject(new Error("nobody is there")));
    await cued.prepare("core-01", "true", options);
    expect(cued.run("core-01", "true", options)).toBeUndefined();
  });

  it("have no answer when it does not come in time", async () => {
    const cued = cuedOn({
      ...localConnection().connection,
      exec: async (_command, { stdout, signal } = {}) => {
        stdout?.write("\n");
        return await new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason as Error));
        });
      },
    });
    await cued.prepare("core-01", "true", options);
    expect(await cued.run("core-01", "true", { ...options, within: 50 })).toBeUndefined();
  });
});
