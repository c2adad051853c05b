import type { Command } from "./command.ts";
import { collect } from "./commands/collect.ts";
import { completion } from "./commands/completion.ts";
import { cp } from "./commands/cp.ts";
import { destroy, halt, kill } from "./commands/power.ts";
import { discovery } from "./commands/discovery.ts";
import { fault } from "./commands/fault.ts";
import { doctor } from "./commands/doctor.ts";
import { env } from "./commands/env.ts";
import { exec } from "./commands/exec.ts";
import { image } from "./commands/image.ts";
import { importCommand } from "./commands/import.ts";
import { init } from "./commands/init.ts";
import { logs } from "./commands/logs.ts";
import { provision, reload } from "./commands/reload.ts";
import { render } from "./commands/render.ts";
import { ssh } from "./commands/ssh.ts";
import { sshConfig } from "./commands/ssh-config.ts";
import { status } from "./commands/status.ts";
import { attend } from "./commands/attend.ts";
import { supervise } from "./commands/supervise.ts";
import { report } from "./commands/report.ts";
import { test } from "./commands/test.ts";
import { up } from "./commands/up.ts";
import { validate } from "./commands/validate.ts";

/** Every command of `cluster`, in the order of its help. */
export const commands: readonly Command[] = [
  init,
  validate,
  render,
  importCommand,
  up,
  status,
  ssh,
  exec,
  cp,
  sshConfig,
  env,
  halt,
  kill,
  reload,
  provision,
  destroy,
  logs,
  collect,
  test,
  report,
  fault,
  image,
  discovery,
  doctor,
  completion,
  supervise,
  attend,
];
