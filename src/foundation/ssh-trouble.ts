import { AppError, messageOf } from "./errors.ts";

/** What ssh2's error means. `where`: `core@192.168.56.11` */
export function explainSsh(error: unknown, where: string): AppError {
  const { level } = error as { level?: string };
  if (level === "client-authentication") {
    return new AppError("E_NODE_UNREACHABLE", `${where} accepts none of our keys`, {
      details: [messageOf(error)],
      cause: error,
      hint: "'ssh-add -l' lists the keys of your agent; 'eval \"$(cluster env)\"' sets one up that has the cluster's",
    });
  }
  return new AppError("E_NODE_UNREACHABLE", `cannot reach ${where}: ${messageOf(error)}`, {
    cause: error,
    hint: "check that the machine runs and that its address is right",
  });
}
