import type { Exec } from "../../foundation/exec.ts";
import type { Lack } from "../provider.ts";

/** Which of these programs are not installed, and Debian's packages that have them. */
export async function missingPrograms(
  exec: Exec,
  programs: readonly (readonly [program: string, debianPackage: string])[],
): Promise<Lack[]> {
  const script = 'for name; do command -v "$name" >/dev/null || echo "$name"; done';
  const names = programs.map(([name]) => name);
  const { stdout, missing: noShell } = await exec.run({ argv: ["sh", "-c", script, "sh", ...names] });
  const missing = new Set(stdout.split("\n"));
  return programs
    .filter(([name]) => noShell || missing.has(name))
    .map(([name, debianPackage]) => ({
      code: "E_HOST_LACKS",
      what: `the program ${name}`,
      hint: `apt-get install ${debianPackage}`,
    }));
}
