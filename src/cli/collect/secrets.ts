import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlias, isPair, isScalar, isSeq, parseDocument, visit, type Document, type Node } from "yaml";
import { discoveryPort } from "../../discovery/server.ts";
import { AppError } from "../../foundation/errors.ts";
import { readIfExists } from "../../foundation/files.ts";
import { isSecretName, redactor, type Redact } from "../../foundation/redact.ts";
import type { Environment } from "../../spec/proxy.ts";
import { passwordPath } from "../read-spec.ts";

/** Which secrets of a cluster this host knows, so that none of them leaves it. */

export interface SecretPlaces {
  /** The folder of cluster.yaml. */
  readonly dir: string;
  /** The text of cluster.yaml, valid or not. */
  readonly yaml: string;
  readonly environment: Environment;
}

/** What hides the cluster's own secrets, and others by their looks. @throws E_HOST_LACKS when keys cannot be read */
export async function clusterRedactor(places: SecretPlaces): Promise<Redact> {
  const document = parseDocument(places.yaml, { prettyErrors: false });
  const secrets = [
    ...inDocument(document),
    ...inEnvironment(places.environment),
    ...(await inPasswordFile(places, document)),
    ...(await inKeys(join(places.dir, ".state", "keys"))),
  ];
  return redactor({ secrets, patterns: discoveryTokens });
}

/** Who knows a token can join the cluster's members, or see them. */
const discoveryTokens: readonly RegExp[] = [
  /(discovery[\w.-]*(?::\d+)?\/|\/_etcd\/registry\/)[0-9a-f]{8,}/gi,
  new RegExp(String.raw`(:${discoveryPort}/)[0-9a-f]{8,}`, "gi"),
];

/** cluster.yaml without the contents of the files that machines get: anything may stand in them. */
export function withoutFileContents(yaml: string): string {
  const ranges: (readonly [number, number])[] = [];
  visit(parseDocument(yaml, { prettyErrors: false }), {
    Pair: (_, { key, value }) => {
      if (!isScalar(key) || key.value !== "write_files" || !isSeq(value)) return;
      visit(value, {
        Pair: (_, pair) => {
          const range = isScalar(pair.key) && pair.key.value === "content" ? rangeOf(pair.value) : undefined;
          if (range !== undefined) ranges.push(range);
        },
      });
    },
  });
  return ranges.toReversed().reduce((text, [start, end]) => {
    const rest = text.slice(start, end).endsWith("\n") ? "\n" : "";
    return `${text.slice(0, start)}"***"${rest}${text.slice(end)}`;
  }, yaml);
}

function rangeOf(value: unknown): readonly [number, number] | undefined {
  const range = isScalar(value) ? value.range : undefined;
  return range === undefined || range === null ? undefined : [range[0], range[1]];
}

/** Values under secret names, passwords of URLs, and discovery tokens. */
function inDocument(document: Document): string[] {
  const found: string[] = [];
  visit(document, {
    Pair: (_, { key, value }) => {
      const name = isScalar(key) ? String(key.value) : "";
      if (isSecretName(name)) found.push(...textsBelow(value, document));
      if (name === "discovery" && isScalar(value)) found.push(...tokenOfUrl(String(value.value)));
    },
    Scalar: (_, { value }) => {
      if (typeof value === "string") found.push(...passwordsOf(value));
    },
  });
  return found;
}

function textsBelow(node: unknown, document: Document): string[] {
  const found: string[] = [];
  const take = (one: unknown): void => {
    if (isScalar(one) && typeof one.value === "string") found.push(one.value);
    if (isScalar(one) && typeof one.value === "number") found.push(one.source ?? String(one.value));
  };
  const whole = isAlias(node) ? node.resolve(document) : node;
  if (isScalar(whole)) take(whole);
  else if (whole !== null && typeof whole === "object" && !isPair(whole)) {
    visit(whole as Node, { Scalar: (where, one) => (where === "key" ? undefined : take(one)) });
  }
  return found;
}

/** The password of a URL as it stands there, and as it is typed. */
function passwordsOf(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { password } = new URL(text);
  if (password === "") return [];
  const [, written = password] = /^[^:]+:\/\/[^:@/]*:(.*)@/.exec(text) ?? [];
  return [password, written, decoded(written)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The last part of a URL's path. */
function tokenOfUrl(text: string): string[] {
  const path = URL.canParse(text) ? new URL(text).pathname : "";
  const last = path.split("/").findLast((part) => part !== "") ?? "";
  return last.length >= 8 ? [last] : [];
}

function inEnvironment(environment: Environment): string[] {
  return Object.entries(environment).flatMap(([name, value = ""]) => {
    // A flag or a number is called a token sometimes, and is no secret.
    const own = isSecretName(name) && (value.length >= 8 || name.endsWith("PASSWORD")) ? [value] : [];
    return [...own, ...passwordsOf(value)];
  });
}

async function inPasswordFile({ dir, environment }: SecretPlaces, document: Document): Promise<string[]> {
  const path = document.getIn(["proxy", "passwordFile"]);
  if (typeof path !== "string") return [];
  // What cannot be read has not been used either.
  const text = await readIfExists(passwordPath(dir, path, environment)).catch(() => undefined);
  return text === undefined ? [] : [text];
}

async function inKeys(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for (const name of await readdir(folder)) {
      if (name.endsWith(".pub")) continue;
      const text = await readFile(join(folder, name), "utf8");
      if (name === "discovery.json") found.push(...urlsIn(text).flatMap(tokenOfUrl));
      else found.push(...text.split("\n").filter((line) => !line.startsWith("-----")));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return found;
    throw new AppError("E_HOST_LACKS", `${folder} cannot be read, so its secrets could not be hidden`, {
      cause: error,
      hint: "run it with sudo, or as the user whom the cluster belongs to",
    });
  }
  return found;
}

function urlsIn(text: string): string[] {
  return text.match(/https?:\/\/[^\s"']+/g) ?? [];
}
