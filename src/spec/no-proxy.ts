/** The list of what is reached without a proxy, in the one form that all programs read alike. */

export interface CleanList {
  readonly entries: readonly string[];
  /** What was written otherwise, and what only some programs will understand. */
  readonly notes: readonly string[];
  /** What cannot be used, each with what to write instead. */
  readonly problems: readonly { readonly message: string; readonly hint: string }[];
}

/** Takes the list apart at commas and spaces and brings each entry into the common form. Pure. */
export function cleanNoProxy(written: readonly string[]): CleanList {
  const entries: string[] = [];
  const notes: string[] = [];
  const problems: { message: string; hint: string }[] = [];
  if (written.some((text) => /\s/.test(text))) {
    notes.push("spaces are no part of this list: most programs would stop reading there; they are left out");
  }
  for (const text of written.flatMap((entry) => entry.split(/[\s,]+/)).filter((entry) => entry !== "")) {
    const problem = problemOf(text);
    if (problem !== undefined) problems.push(problem);
    else entries.push(text.replace(/^\*\./, "."));
    if (problem !== undefined) continue;
    if (text.startsWith("*."))
      notes.push(`programs do not read "*." here: "${text}" is taken as "${text.slice(1)}"`);
    if (text.includes("/")) {
      notes.push(
        `only newer programs (Go, curl from 7.86 on) understand the range ${text}; the nodes' own addresses are always listed one by one`,
      );
    }
  }
  return { entries: [...new Set(entries)], notes, problems };
}

function problemOf(text: string): { readonly message: string; readonly hint: string } | undefined {
  if (text === "*") {
    return {
      message: "'*' would send everything past the proxy",
      hint: "take the proxy away, or list what is reached directly",
    };
  }
  if (text.includes("://")) {
    return { message: `"${withoutUser(text)}" is a URL`, hint: "write the host or its address alone" };
  }
  if (/[*?]/.test(text.replace(/^\*\./, ""))) {
    return {
      message: `"${text}" has a wildcard that programs do not read`,
      hint: "a domain with all that is in it is written .example.com",
    };
  }
  if (/^[A-Za-z0-9._:/[\]-]+$/.test(text.replace(/^\*\./, "."))) return undefined;
  return {
    message: "an entry is one host, address or .domain, without quotes or other signs",
    hint: "separate entries by commas, or write a list",
  };
}

/** It may hold a password. */
function withoutUser(url: string): string {
  return url.replace(/\/\/.*@/, "//");
}
