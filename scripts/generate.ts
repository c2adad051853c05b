// npm run generate: writes every file of this repository that is computed from others.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { generatedFiles, repository } from "./generated-files.ts";

for (const { path, content } of await generatedFiles()) {
  const target = join(repository, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
  process.stdout.write(`${path}\n`);
}
