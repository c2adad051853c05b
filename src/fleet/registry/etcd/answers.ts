import { Code, ConnectError } from "@connectrpc/connect";

/** What etcd says of a request itself; everything else is trouble on the way, and another member may do better. */
const answers: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.PermissionDenied,
  Code.ResourceExhausted,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.Unauthenticated,
  Code.Unimplemented,
]);

/** Whether etcd understood the request and refuses it, so that asking again is of no use. */
export function isAnswer(error: unknown, code?: Code): error is ConnectError {
  if (!(error instanceof ConnectError)) return false;
  return code === undefined ? answers.has(error.code) : error.code === code;
}

/** Whether etcd says that it knows no such lease. */
export function isLeaseGone(error: unknown): boolean {
  return isAnswer(error, Code.NotFound);
}
