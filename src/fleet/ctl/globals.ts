import { AppError } from "../../foundation/errors.ts";
import { convert } from "./flags.ts";
import type { OptionSpec, OptionValue, OptionValues } from "./command.ts";
import { isOn, numberOf, textOf } from "./command.ts";

/** What every command takes, from options or from FLEETCTL_* variables. */
export interface Globals {
  readonly debug: boolean;
  /** `unix:///path`, `http://host:port` or `https://host:port`. */
  readonly endpoint: string;
  readonly keyFile: string;
  readonly certFile: string;
  readonly caFile: string;
  readonly knownHostsFile: string;
  readonly strictHostKeyChecking: boolean;
  /** ms */
  readonly sshTimeout: number;
  readonly sshUsername: string;
  /** `host[:port]`; empty for none. */
  readonly tunnel: string;
  /** ms */
  readonly requestTimeout: number;
  /** The ssh-agent's socket; empty for none. */
  readonly agent: string;
}

/** Options of fleet that change nothing here; scripts may still give them. */
const obsolete: readonly OptionSpec[] = [
  { name: "experimental-api", kind: "boolean", help: "has no effect: fleet's API is always used" },
  { name: "etcd-key-prefix", kind: "string", help: "has no effect: only fleetd speaks to etcd" },
  { name: "etcd-cafile", kind: "string", help: "deprecated: --ca-file" },
  { name: "etcd-certfile", kind: "string", help: "deprecated: --cert-file" },
  { name: "etcd-keyfile", kind: "string", help: "deprecated: --key-file" },
];

const standardEndpoint = "unix:///var/run/fleet.sock";

export const globalOptions: readonly OptionSpec[] = [
  { name: "ca-file", kind: "string", help: "certificate authority that signed the endpoint's certificate" },
  { name: "cert-file", kind: "string", help: "our certificate for the endpoint" },
  { name: "debug", kind: "boolean", help: "say more on standard error" },
  { name: "driver", kind: "string", standard: "API", help: "only API: fleet's HTTP API" },
  { name: "endpoint", kind: "string", standard: standardEndpoint, help: "where fleet's API is" },
  { name: "help", kind: "boolean", short: "h", help: "say how a command is used" },
  { name: "key-file", kind: "string", help: "our private key for the endpoint" },
  {
    name: "known-hosts-file",
    kind: "string",
    standard: "~/.fleetctl/known_hosts",
    help: "where known ssh host keys are kept",
  },
  { name: "request-timeout", kind: "number", standard: "10", help: "seconds that one request may take" },
  { name: "ssh-timeout", kind: "number", standard: "10", help: "seconds that an ssh connection may take" },
  { name: "ssh-username", kind: "string", standard: "core", help: "user of ssh connections" },
  {
    name: "strict-host-key-checking",
    kind: "boolean",
    standard: "true",
    help: "ask before an unknown host key is accepted; a changed one never is",
  },
  { name: "tunnel", kind: "string", help: "reach the endpoint and all machines through ssh to host[:port]" },
  ...obsolete,
];

/** Reads the globals: options beat the environment, an empty variable counts as none. Throws E_USAGE. */
export function readGlobals(
  options: OptionValues,
  env: Readonly<Record<string, string | undefined>>,
): Globals {
  const values = new Map<string, OptionValue>();
  for (const spec of globalOptions) {
    const fromEnv = env[`FLEETCTL_${spec.name.replaceAll("-", "_").toUpperCase()}`] ?? "";
    if (fromEnv !== "") values.set(spec.name, convert(spec, fromEnv));
  }
  for (const [name, value] of options) values.set(name, value);
  checkDriver(textOf(values, "driver", "API"));
  return {
    debug: isOn(values, "debug"),
    endpoint: textOf(values, "endpoint", standardEndpoint),
    keyFile: textOf(values, "key-file", textOf(values, "etcd-keyfile", "")),
    certFile: textOf(values, "cert-file", textOf(values, "etcd-certfile", "")),
    caFile: textOf(values, "ca-file", textOf(values, "etcd-cafile", "")),
    knownHostsFile: fromHome(
      textOf(values, "known-hosts-file", "~/.fleetctl/known_hosts"),
      env["HOME"] ?? "",
    ),
    strictHostKeyChecking: values.get("strict-host-key-checking") !== false,
    sshTimeout: numberOf(values, "ssh-timeout", 10) * 1_000,
    sshUsername: textOf(values, "ssh-username", "core"),
    tunnel: textOf(values, "tunnel", ""),
    requestTimeout: numberOf(values, "request-timeout", 10) * 1_000,
    agent: env["SSH_AUTH_SOCK"] ?? "",
  };
}

function checkDriver(driver: string): void {
  if (driver.toLowerCase() === "api") return;
  if (driver.toLowerCase() !== "etcd") {
    throw new AppError("E_USAGE", `Unable to initialize client: unrecognized driver "${driver}"`);
  }
  throw new AppError("E_USAGE", "Unable to initialize client: there is no etcd driver", {
    details: ["the registry is in etcd v3 and laid out differently from fleet's; only fleetd writes it"],
    hint: "leave --driver out, and name fleetd with --endpoint or a machine with --tunnel",
  });
}

function fromHome(path: string, home: string): string {
  return path.startsWith("~/") ? `${home}${path.slice(1)}` : path;
}
