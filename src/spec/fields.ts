import { z } from "zod";
import { parseDuration } from "../foundation/duration.ts";
import { proxyProblem } from "./proxy.ts";
import { isPrivate, networkOf, overlaps, parseCidr, showAddress, subnetOf } from "./subnet.ts";

/** The single values of cluster.yaml: what each may be, in words that a user can act on. */

/** Docker's own bridge takes this range before our network is up. */
const dockerBridge = subnetOf("172.17.0.0/16");

/** It becomes part of socket paths, machine names and interface aliases: hence the short limit. */
export const clusterName = z
  .string()
  .meta({ examples: ["demo"] })
  .regex(/^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/, {
    error: "a name is 1 to 32 lower-case letters, digits and hyphens, beginning with a letter",
  });

export const machinePrefix = z.string().regex(/^[A-Za-z]([A-Za-z0-9-]{0,22}[A-Za-z0-9])?$/, {
  error:
    "a prefix is 1 to 24 letters, digits and hyphens, beginning with a letter: it becomes part of host names",
});

export function wholeNumber(low: number, high: number, unit = ""): z.ZodNumber {
  const error = `expected a whole number from ${low} to ${high}${unit}`;
  return z.int({ error }).min(low, { error }).max(high, { error });
}

export const memory = wholeNumber(256, 1_048_576, " (MiB)");
export const cpus = wholeNumber(1, 64);

/** fleet writes metadata as `k=v,k=v` into a line of systemd's: what would break either is refused. */
export const metadata = z.record(
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_./-]*$/, {
    error: "a metadata key is letters, digits and any of _ . / -",
  }),
  z.string().regex(/^(?! )[^\p{Cc}\u2028\u2029",%\\$]+(?<! )$/u, {
    error: 'a metadata value may not be empty, nor contain , " % $ \\ or begin or end with a space',
  }),
);

export const subnet = z
  .string()
  .meta({ examples: ["192.168.56.0/24"] })
  .superRefine((text, context) => {
    const problem = subnetProblem(text);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });

function subnetProblem(text: string): string | undefined {
  const parsed = parseCidr(text);
  if (parsed === undefined) return `"${text}" is no subnet: write one like 192.168.56.0/24`;
  const { address, bits } = parsed;
  const base = networkOf(address, bits);
  if (bits < 16 || bits > 29)
    return `a subnet is from /16 to /29; /${bits} is too ${bits < 16 ? "large" : "small"}`;
  if (base !== address) return `"${text}" is an address within a subnet: write ${showAddress(base)}/${bits}`;
  if (!isPrivate({ base, bits })) {
    return `${text} is not private: choose one within 192.168.0.0/16, 10.0.0.0/8 or 172.16.0.0/12`;
  }
  if (overlaps({ base, bits }, dockerBridge))
    return `${text} overlaps 172.17.0.0/16, which docker uses on each node`;
  return undefined;
}

/** Text to milliseconds: fleet counts its time to live in whole seconds, and below two it would lose beats. */
export const agentTtl = z
  .string()
  .meta({ examples: ["4s"] })
  .superRefine((text, context) => {
    const ms = parseDuration(text);
    const problem =
      ms === undefined
        ? `"${text}" is no duration: write one like 4s`
        : ms < 2_000 || ms > 600_000 || ms % 1_000 !== 0
          ? "expected whole seconds from 2s to 10m"
          : undefined;
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });

const keyTypes =
  /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)$/;

export const authorizedKey = z
  .string()
  .meta({ examples: ["ssh-ed25519 AAAA… you@example"] })
  .superRefine((text, context) => {
    const problem = keyProblem(text);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });

function keyProblem(text: string): string | undefined {
  if (text.includes("PRIVATE KEY"))
    return "this is a private key: put the public one here, and replace this key";
  if (/^[~./]|\.pub$/.test(text)) return `"${text}" is a path: put the public key's own text here`;
  const [type = "", body = ""] = text.split(" ");
  if (!keyTypes.test(type))
    return "expected a public key: its type (like ssh-ed25519), its body, and a comment";
  if (/[\p{Cc}\u2028\u2029]/u.test(text)) return "a public key is a single line";
  const blob = Buffer.from(body, "base64");
  const named = blob.length > 4 ? blob.subarray(4, 4 + Math.min(blob.readUInt32BE(0), 64)).toString() : "";
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body) || named !== type)
    return `the body of this ${type} key is damaged`;
  return undefined;
}

export const proxyUrl = z
  .string()
  .meta({ examples: ["http://proxy.example:3128"] })
  .superRefine((text, context) => {
    const problem = proxyProblem(text);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });

export const discovery = z
  .union(
    [
      z.enum(["static", "local", "token"]),
      z
        .templateLiteral([z.enum(["http://", "https://"]), z.string()])
        .meta({ examples: ["https://discovery.example"] }),
    ],
    {
      error: "expected static, local, token, or the https:// address of a discovery service or of a token",
    },
  )
  .refine((text) => !/^https?:/.test(text) || isPlainUrl(text), {
    error:
      "this is no URL that etcd can read: write one like https://discovery.example or https://discovery.example/TOKEN",
  });

function isPlainUrl(text: string): boolean {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text) || /["'\\%$`,]/.test(text) || !URL.canParse(text)) return false;
  const { username, search, hash } = new URL(text);
  return username === "" && search === "" && hash === "";
}

export const port = wholeNumber(1, 65_535);
export const portText = z.string().refine((text) => /^[1-9]\d{0,4}$/.test(text) && Number(text) < 65_536, {
  error: "expected a port, 1 to 65535",
});

const unitSuffixes = ["service", "socket", "timer", "path", "mount", "automount", "target"];

export const servicePath = z
  .string()
  .meta({ examples: ["services/hello.service"] })
  .superRefine((text, context) => {
    const problem = servicePathProblem(text);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });

function servicePathProblem(text: string): string | undefined {
  if (text.includes("\\")) return "write the path with /";
  if (text.startsWith("/") || text.startsWith("~")) return "expected a path relative to cluster.yaml";
  if (text.split("/").includes("..")) return "a service lies in the cluster's own folder, not above it";
  if (/[\p{Cc}\u2028\u2029]/u.test(text)) return "a path is a single line";
  const name = text.slice(text.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  if (dot > 0 && unitSuffixes.includes(name.slice(dot + 1))) return undefined;
  return `"${text}" is no unit file: its name ends in ${unitSuffixes.map((suffix) => `.${suffix}`).join(", ")}`;
}

export const imageNames = ["busybox", "jlordiales/python-micro-service"];

export const image = z
  .string()
  .meta({ examples: imageNames })
  .refine((name) => imageNames.includes(name), {
    error: (issue) =>
      `"${String(issue.input)}" cannot be made here: only ${imageNames.join(" and ")} can; ` +
      "leave it out, and the nodes pull it from Docker Hub when a unit asks for it",
  });

/** A web address without what could end a word in our files. */
export const webUrl = z
  .string()
  .meta({ examples: ["https://mirror.example/flatcar"] })
  .superRefine((text, context) => {
    const message = webUrlProblem(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

function webUrlProblem(text: string): string | undefined {
  if (!/^https?:\/\//.test(text)) return "expected a URL that begins with https:// or http://";
  if (!/^[\x21-\x7e]+$/.test(text) || /["'`\\<>{}|^]/.test(text) || !URL.canParse(text))
    return "this is no URL";
  return undefined;
}

const oneLine = /^[^\p{Cc}\u2028\u2029]+$/u;

export const hostPath = z
  .string()
  .meta({ examples: ["~/src"] })
  .regex(/^(\/|~$|~\/|[A-Za-z]:[\\/])/, { error: "expected an absolute path, or one that begins with ~/" })
  .regex(oneLine, { error: "a path is a single line" });

export const guestPath = z
  .string()
  .meta({ examples: ["/home/core/src"] })
  .regex(/^\/./, { error: "expected an absolute path in the machine, not / itself" })
  .regex(oneLine, { error: "a path is a single line" });
