import type { Client, ConnectConfig, ServerHostKeyAlgorithm } from "ssh2";
import { systemClock } from "./clock.ts";
import { AppError, isAppError } from "./errors.ts";
import { addressOf, type HostKey } from "./known-hosts.ts";
import type { ConnectOptions } from "./ssh.ts";
import { explainSsh } from "./ssh-trouble.ts";

/** Connects, holds the host to its key, and logs in. Throws E_HOST_KEY, E_NODE_UNREACHABLE or the signal's reason. */
export async function logIn(client: Client, options: ConnectOptions, where: string): Promise<void> {
  const { timeout = 10_000, clock = systemClock() } = options;
  let timer = new AbortController();
  let refusal: AppError | undefined;
  const over = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      const startTimer = (): void => {
        timer = new AbortController();
        const late = new AppError(
          "E_NODE_UNREACHABLE",
          `${where} did not answer within ${timeout / 1_000} s`,
          {
            hint: "check that the machine runs and that its address is right",
          },
        );
        clock.sleep(timeout, timer.signal).then(
          () => reject(late),
          () => undefined,
        );
      };
      const verify = (blob: Buffer, decide: (accept: boolean) => void): void => {
        timer.abort();
        checkHostKey(options, blob).then(
          (error) => {
            refusal = error;
            startTimer();
            decide(error === undefined);
          },
          (error: unknown) => reject(error as Error),
        );
      };
      options.signal?.addEventListener("abort", () => reject(options.signal?.reason as Error), {
        once: true,
        signal: over.signal,
      });
      // Without this each small packet waits for the other side's delayed acknowledgement: 40 ms a step.
      client.once("connect", () => client.setNoDelay(true));
      client.once("ready", resolve);
      client.on("error", (error) => reject(refusal ?? explainSsh(error, where)));
      client.once("close", () => reject(refusal ?? explainSsh(new Error("connection closed"), where)));
      startTimer();
      client.connect(clientConfig(options, verify));
    });
  } catch (error) {
    // ssh2 throws here on a private key that it cannot read.
    throw isAppError(error) || options.signal?.aborted ? error : explainSsh(error, where);
  } finally {
    timer.abort();
    over.abort();
  }
}

function clientConfig(
  options: ConnectOptions,
  hostVerifier: (blob: Buffer, decide: (accept: boolean) => void) => void,
): ConnectConfig {
  const types = options.knownHosts.types(addressOf(options.host, options.port));
  return {
    host: options.host,
    port: options.port ?? 22,
    username: options.username,
    readyTimeout: 0,
    keepaliveInterval: options.keepaliveInterval ?? 2_000,
    keepaliveCountMax: 3,
    strictVendor: false,
    hostVerifier,
    agentForward: options.forwardAgent ?? false,
    ...(options.privateKey === undefined ? {} : { privateKey: options.privateKey }),
    ...(options.agent === undefined ? {} : { agent: options.agent }),
    ...(options.via === undefined ? {} : { sock: options.via }),
    ...(types.length === 0 ? {} : { algorithms: { serverHostKey: types.flatMap(signatures) } }),
  };
}

/** One type of key can sign in several ways. */
function signatures(type: string): ServerHostKeyAlgorithm[] {
  if (type === "ssh-rsa") return ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"];
  return [type as ServerHostKeyAlgorithm];
}

async function checkHostKey(options: ConnectOptions, blob: Buffer): Promise<AppError | undefined> {
  const type = blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
  const key: HostKey = { type, base64: blob.toString("base64") };
  return await options.knownHosts.check(addressOf(options.host, options.port), key);
}
