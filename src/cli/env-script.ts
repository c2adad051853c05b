import { shellQuote } from "../foundation/exec.ts";

export const shellNames = ["bash", "zsh", "fish", "powershell", "cmd"] as const;
export type ShellName = (typeof shellNames)[number];

/** As much of the process as says which shell started it, and where. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
}

/**
 * The shell to write for when nobody says: $SHELL, which Git Bash and Cygwin set as well; on Windows without it PowerShell,
 * unless only cmd's own $PROMPT is there.
 */
export function guessShell({ env, platform }: Surroundings): ShellName {
  const name = env["SHELL"]
    ?.split(/[\\/]/)
    .at(-1)
    ?.replace(/\.exe$/, "");
  const known = shellNames.find((one) => one === name);
  if (known !== undefined) return known;
  if (platform !== "win32" || (name !== undefined && name !== "")) return "bash";
  return env["PROMPT"] === undefined || env["POSH_PID"] !== undefined ? "powershell" : "cmd";
}

export interface EnvScript {
  readonly shell: ShellName;
  readonly variables: Readonly<Record<string, string>>;
  /** The private keys that the ssh-agent is to hold. */
  readonly keys: readonly string[];
  /** Where copies of keys may lie that ssh would refuse where they are, as all can read them there. */
  readonly copies?: string;
}

/** Lines that set the variables and put the keys into an ssh-agent; for the shell's own way of eval. */
export function envScript({ shell, variables, keys, copies }: EnvScript): string {
  const pairs = Object.entries(variables);
  switch (shell) {
    case "bash":
    case "zsh":
      return lines([
        ...pairs.map(([name, value]) => `export ${name}=${shellQuote(value)}`),
        // 2: there is no agent to ask.
        'ssh-add -l >/dev/null 2>&1; if [ $? -eq 2 ]; then eval "$(ssh-agent -s)" >/dev/null; fi',
        ...keys.flatMap((key) => addInBash(key, copies)),
        '# To use it: eval "$(cluster env)"',
      ]);
    case "fish":
      return lines([
        ...pairs.map(([name, value]) => `set -gx ${name} ${fishQuote(value)};`),
        "ssh-add -l >/dev/null 2>&1; if test $status -eq 2; eval (ssh-agent -c) >/dev/null; end;",
        ...keys.map((key) => `ssh-add -q ${fishQuote(key)};`),
        "# To use it: cluster env --shell fish | source",
      ]);
    case "powershell":
      return lines([
        ...pairs.map(([name, value]) => `$Env:${name} = ${powershellQuote(value)}`),
        // On Windows the agent is a service, which is off until somebody turns it on.
        "if (Get-Command Get-Service -ErrorAction SilentlyContinue) { Get-Service ssh-agent -ErrorAction SilentlyContinue | Where-Object Status -ne 'Running' | Start-Service -ErrorAction Continue }",
        ...keys.map((key) => `ssh-add -q ${powershellQuote(key)}`),
        "# To use it: cluster env --shell powershell | Out-String | Invoke-Expression",
      ]);
    case "cmd":
      return lines([
        ...pairs.map(([name, value]) => `SET "${name}=${value}"`),
        ...keys.map((key) => `ssh-add -q "${key}"`),
        "REM To use it: FOR /f \"tokens=*\" %i IN ('cluster env --shell cmd') DO %i",
        "REM The agent must run: Start-Service ssh-agent in an administrator's PowerShell",
      ]);
  }
}

/** On drives that WSL shows of Windows, every file is readable for all, and ssh-add refuses such keys: it gets a copy. */
function addInBash(key: string, copies: string | undefined): string[] {
  if (copies === undefined || !/^\/mnt\/[a-z]\//.test(key)) return [`ssh-add -q ${shellQuote(key)}`];
  const copy = `${copies}/${key.split("/").at(-1) ?? "key"}`;
  return [
    `install -d -m 700 ${shellQuote(copies)} && install -m 600 ${shellQuote(key)} ${shellQuote(copy)} && ssh-add -q ${shellQuote(copy)}`,
  ];
}

function lines(all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function powershellQuote(text: string): string {
  return `'${text.replaceAll(/['‘’‚‛]/g, "$&$&")}'`;
}
