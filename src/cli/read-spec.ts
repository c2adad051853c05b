import { join, relative, resolve } from "node:path";
import { AppError } from "../foundation/errors.ts";
import { readIfExists } from "../foundation/files.ts";
import type { Emit } from "../lifecycle/events.ts";
import { loadSpec, type LoadedSpec } from "../spec/load.ts";
import type { ClusterSpec } from "../spec/model.ts";
import type { ProxySpec } from "../spec/model.ts";
import { showProblem, specError } from "../spec/problem.ts";
import { wantsPassword, withPassword, type Environment } from "../spec/proxy.ts";

/**
 * Reads the cluster.yaml in a folder, and the proxy's password from where it is kept.
 * @throws E_CONFIG_MISSING, E_CONFIG_INVALID with every problem
 */
export async function readSpec(dir: string, emit: Emit, environment: Environment): Promise<ClusterSpec> {
  const loaded = await loadFrom(dir, { environment });
  for (const warning of loaded.warnings) emit({ kind: "warning", message: showProblem(warning) });
  if (!loaded.ok) throw specError(loaded.problems);
  const { spec } = loaded;
  if (spec.proxy === undefined || !wantsPassword(spec.proxy)) return spec;
  const password = await proxyPassword(dir, spec.proxy, environment);
  return password === undefined ? spec : { ...spec, proxy: withPassword(spec.proxy, password) };
}

export interface ReadOptions {
  /** For `proxy: from-env`. */
  readonly environment: Environment;
  /** Only shortens the path that is shown. */
  readonly cwd?: string;
}

/** The same, with the problems as a value, and without a password that is kept elsewhere. */
export async function loadFrom(dir: string, { environment, cwd }: ReadOptions): Promise<LoadedSpec> {
  const path = join(dir, "cluster.yaml");
  const text = await readIfExists(path);
  if (text === undefined) {
    throw new AppError("E_CONFIG_MISSING", `there is no ${path}`, {
      hint: "make one with 'cluster init NAME'",
    });
  }
  return loadSpec(text, cwd === undefined ? path : shorter(relative(cwd, path), path), environment);
}

function shorter(a: string, b: string): string {
  return a.length < b.length ? a : b;
}

/** From its file, else from FLOTILLA_PROXY_PASSWORD; undefined for a user who needs none. */
async function proxyPassword(
  dir: string,
  { passwordFile }: ProxySpec,
  environment: Environment,
): Promise<string | undefined> {
  if (passwordFile === undefined) return environment["FLOTILLA_PROXY_PASSWORD"];
  const path = passwordPath(dir, passwordFile, environment);
  const text = await readIfExists(path).catch((error: unknown) => {
    throw passwordError(`proxy.passwordFile: ${path} cannot be read`, error);
  });
  if (text === undefined) throw passwordError(`proxy.passwordFile: there is no ${path}`);
  const password = text.replace(/\r?\n$/, "");
  if (password === "" || /[\r\n\0]/.test(password)) {
    throw passwordError(`proxy.passwordFile: ${path} must hold one line, the password`);
  }
  return password;
}

/** Where `proxy.passwordFile` of the cluster.yaml in `dir` points. */
export function passwordPath(dir: string, passwordFile: string, environment: Environment): string {
  const home = environment["HOME"] ?? environment["USERPROFILE"] ?? "~";
  return resolve(
    dir,
    passwordFile.replace(/^~(?=[/\\])/, () => home),
  );
}

function passwordError(message: string, cause?: unknown): AppError {
  return new AppError("E_CONFIG_INVALID", message, {
    cause,
    hint: "write the password into that file, for your eyes only (chmod 600)",
  });
}
