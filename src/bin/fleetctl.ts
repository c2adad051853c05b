/** Says that fleetctl is not part of this build. */
export function main(_argv: readonly string[]): Promise<number> {
  process.stderr.write("fleetctl is not part of this build\n");
  return Promise.resolve(4);
}
