import type { Client, ClientChannel, PseudoTtyOptions } from "ssh2";
import { AppError } from "./errors.ts";
import type { ExecOptions, Open, SshConnection } from "./ssh.ts";
import { bindTerminal, runChannel, terminalSize } from "./ssh-channel.ts";

/** The commands of a connection: what each asks of the remote side, and what comes of it. */
export function commandsOver(
  client: Client,
  open: Open,
  {
    lost,
    where,
    forwardAgent,
  }: { readonly lost: AbortSignal; readonly where: string; readonly forwardAgent: boolean },
): Pick<SshConnection, "exec" | "shell"> {
  const run = async (channel: ClientChannel, options: ExecOptions, pty: boolean): Promise<number> => {
    const restore = pty ? bindTerminal(channel, options) : () => undefined;
    try {
      const code = await runChannel(channel, options);
      if (code !== undefined) return code;
      throw lost.aborted
        ? lost.reason
        : new AppError("E_NODE_UNREACHABLE", `${where} closed the command's channel`);
    } finally {
      restore();
    }
  };
  const settings = (options: ExecOptions): object => ({
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(forwardAgent ? { agentForward: true } : {}),
  });
  const terminal = (options: ExecOptions): PseudoTtyOptions => ({
    ...terminalSize(options.stdout),
    term: options.term ?? "xterm-256color",
  });
  return {
    exec: async (command, options = {}) => {
      const pty = options.pty ?? false;
      const request = { ...settings(options), ...(pty ? { pty: terminal(options) } : {}) };
      return await open<ClientChannel, Promise<number>>(
        (done) => client.exec(command, request, done),
        async (channel) => await run(channel, options, pty),
      );
    },
    shell: async (options) => {
      const pty = options.pty ?? true;
      return await open<ClientChannel, Promise<number>>(
        (done) => client.shell(pty ? terminal(options) : false, settings(options), done),
        async (channel) => await run(channel, options, pty),
      );
    },
  };
}
