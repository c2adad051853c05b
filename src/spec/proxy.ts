import type { ProxySpec } from "./model.ts";
import { cleanNoProxy } from "./no-proxy.ts";
import type { Finding, Path } from "./problem.ts";

/** What `proxy` of cluster.yaml may be, where its values come from, and what is wrong with them. */

/** Names and values of environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What is wrong with a proxy's URL. Never repeats the text: it may hold a password. */
export function proxyProblem(text: string): string | undefined {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return "a proxy needs its scheme: write it like http://proxy.example:3128";
  if (scheme !== "http" && scheme !== "https") return `a proxy's scheme is http or https, not ${scheme}`;
  // What is forbidden would end a string somewhere between here and the programs that read it.
  if (/[^\x21-\x7e]|["'\\<>^`{|}]/.test(text) || !URL.canParse(text) || /%(?![0-9A-Fa-f]{2})/.test(text)) {
    return "this is no URL: percent-encode what is not a plain letter or digit in user and password";
  }
  const { pathname, search, hash } = new URL(text);
  return pathname.length > 1 || search !== "" || hash !== ""
    ? "a proxy is a host and a port, without a path"
    : undefined;
}

/** `proxy` as the schema knows it, made from the environment; undefined when that names no proxy. */
export interface FromEnvironment {
  readonly proxy:
    | { readonly http?: string; readonly https?: string; readonly no: readonly string[] }
    | undefined;
  readonly findings: readonly Finding[];
}

/**
 * HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in either case; their VAGRANT_ forms are stronger, and take a value away when
 * they are empty.
 */
export function proxyFromEnvironment(environment: Environment): FromEnvironment {
  const findings: Finding[] = [];
  const [http, https] = (["HTTP_PROXY", "HTTPS_PROXY"] as const).map((name) => {
    const found = variable(environment, name, findings);
    const problem = found === undefined ? undefined : proxyProblem(found.value);
    if (found === undefined || problem === undefined) return found?.value;
    findings.push({ path: ["proxy"], message: `${found.name} in the environment: ${problem}` });
    return undefined;
  });
  const direct = variable(environment, "NO_PROXY", findings);
  const { entries, notes, problems } = cleanNoProxy(direct === undefined ? [] : [direct.value]);
  const where = `${direct?.name ?? ""} in the environment`;
  for (const { message, hint } of problems)
    findings.push({ path: ["proxy"], message: `${where}: ${message}`, hint });
  for (const note of notes)
    findings.push({ path: ["proxy"], message: `${where}: ${note}`, level: "warning" });
  if (http === undefined && https === undefined) {
    if (!findings.some(({ level }) => level !== "warning")) findings.push(noProxyNamed(environment));
    return { proxy: undefined, findings };
  }
  const urls = { ...(http === undefined ? {} : { http }), ...(https === undefined ? {} : { https }) };
  return { proxy: { ...urls, no: entries }, findings };
}

function noProxyNamed(environment: Environment): Finding {
  const underSudo = environment["SUDO_UID"] !== undefined;
  return {
    path: ["proxy"],
    level: "warning",
    message: "the environment names no proxy, so the nodes get none",
    ...(underSudo
      ? { hint: "sudo drops these variables: use 'sudo --preserve-env=HTTP_PROXY,HTTPS_PROXY,NO_PROXY …'" }
      : {}),
  };
}

function variable(
  environment: Environment,
  upper: string,
  findings: Finding[],
): { readonly name: string; readonly value: string } | undefined {
  const vagrant = environment[`VAGRANT_${upper}`];
  if (vagrant !== undefined) return vagrant === "" ? undefined : { name: `VAGRANT_${upper}`, value: vagrant };
  const named = [upper, upper.toLowerCase()].flatMap((name) => {
    const value = environment[name]?.trim() ?? "";
    return value === "" ? [] : [{ name, value }];
  });
  const [first, second] = named;
  if (first !== undefined && second !== undefined && first.value !== second.value) {
    findings.push({
      path: ["proxy"],
      level: "warning",
      message: `${first.name} and ${second.name} in the environment differ; ${first.name} is taken`,
      hint: `set both to the same, or unset one`,
    });
  }
  return first;
}

/** What does not fit together in a `proxy` that stands in cluster.yaml. */
export function checkProxy(proxy: {
  http?: string | undefined;
  https?: string | undefined;
  no: string | string[];
  passwordFile?: string | undefined;
}): Finding[] {
  const urls = (["http", "https"] as const).flatMap((key) => {
    const text = proxy[key];
    return text === undefined ? [] : [{ path: ["proxy", key], url: new URL(text) }];
  });
  if (urls.length === 0) {
    const hint = "write proxy: {http: http://proxy.example:3128}";
    return [{ path: ["proxy"], message: "a proxy needs http, https or both", hint }];
  }
  return [...passwordFindings(urls, proxy.passwordFile), ...listFindings(proxy.no)];
}

interface Placed {
  readonly path: Path;
  readonly url: URL;
}

function passwordFindings(urls: readonly Placed[], passwordFile: string | undefined): Finding[] {
  const literal = urls.filter(({ url }) => url.password !== "");
  if (passwordFile === undefined) {
    return literal.map(({ path }) => ({
      path,
      level: "warning",
      message: "a password stands in cluster.yaml, which is usually shared",
      hint: "write the user alone (http://me@proxy.example:3128) and put the password into a file (passwordFile) or into FLOTILLA_PROXY_PASSWORD",
    }));
  }
  if (urls.some(({ url }) => url.username !== "" && url.password === "")) return [];
  return [
    {
      path: ["proxy", "passwordFile"],
      message: "no proxy here has a user without a password, so this file would not be used",
      hint: "write the user into the URL: http://me@proxy.example:3128",
    },
  ];
}

function listFindings(no: string | readonly string[]): Finding[] {
  return (typeof no === "string" ? [no] : no).flatMap((text, index): Finding[] => {
    const path = typeof no === "string" ? ["proxy", "no"] : ["proxy", "no", index];
    const { notes, problems } = cleanNoProxy([text]);
    return [
      ...problems.map((problem) => ({ path, ...problem })),
      ...notes.map((message) => ({ path, message, level: "warning" as const })),
    ];
  });
}

/** Whether some URL has a user and no password. */
export function wantsPassword(proxy: ProxySpec): boolean {
  return [proxy.http, proxy.https].some((text) => {
    const url = text === undefined ? undefined : new URL(text);
    return url !== undefined && url.username !== "" && url.password === "";
  });
}

/** The password (as it is typed, not encoded) put into each URL that has a user and none. */
export function withPassword(proxy: ProxySpec, password: string): ProxySpec {
  const add = (text: string | undefined): string | undefined => {
    if (text === undefined) return undefined;
    const url = new URL(text);
    if (url.username === "" || url.password !== "") return text;
    // encodeURIComponent leaves !'()* alone, of which the quote could end a string of a shell's.
    const encoded = encodeURIComponent(password).replaceAll(
      /[!'()*]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
    );
    return text.replace(/^([a-z]+:\/\/[^:@/]*):?@/i, (_, head: string) => `${head}:${encoded}@`);
  };
  return { ...proxy, http: add(proxy.http), https: add(proxy.https) };
}
