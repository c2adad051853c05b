import { shellQuote } from "../foundation/exec.ts";

export type ShellName = "bash" | "zsh" | "fish" | "powershell" | "cmd";

/** Lines that set the variables and put the key into an ssh-agent; for the shell's own way of eval. */
export function envScript(
  shell: ShellName,
  variables: Readonly<Record<string, string>>,
  key: string,
): string {
  const pairs = Object.entries(variables);
  switch (shell) {
    case "bash":
    case "zsh":
      return lines([
        ...pairs.map(([name, value]) => `export ${name}=${shellQuote(value)}`),
        `ssh-add -q ${shellQuote(key)} 2>/dev/null || { eval "$(ssh-agent -s)" >/dev/null && ssh-add -q ${shellQuote(key)}; }`,
        '# To use it: eval "$(cluster env)"',
      ]);
    case "fish":
      return lines([
        ...pairs.map(([name, value]) => `set -gx ${name} ${fishQuote(value)};`),
        `ssh-add -q ${fishQuote(key)} 2>/dev/null; or begin; eval (ssh-agent -c) >/dev/null; ssh-add -q ${fishQuote(key)}; end;`,
        "# To use it: cluster env --shell fish | source",
      ]);
    case "powershell":
      return lines([
        ...pairs.map(([name, value]) => `$Env:${name} = ${powershellQuote(value)}`),
        `ssh-add -q ${powershellQuote(key)}`,
        "# To use it: cluster env --shell powershell | Out-String | Invoke-Expression",
      ]);
    case "cmd":
      return lines([
        ...pairs.map(([name, value]) => `SET "${name}=${value}"`),
        `ssh-add -q "${key}"`,
        "REM To use it: FOR /f \"tokens=*\" %i IN ('cluster env --shell cmd') DO %i",
      ]);
  }
}

function lines(all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function powershellQuote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
