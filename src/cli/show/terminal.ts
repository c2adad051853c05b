import type { Writable } from "node:stream";
import type { ListrTask } from "listr2";
import { showDuration } from "../../foundation/duration.ts";
import type { ClusterEvent } from "../../lifecycle/events.ts";
import { stepName, type Step } from "../../lifecycle/plan/plan.ts";
import { eventLine, actionText, layerText, warningText } from "./words.ts";
import type { Reporter } from "./reporter.ts";

/** The one thing that we change of a listr2 task. */
interface Titled {
  title: string;
}

/** One line of the task list: a machine, or a step of the whole cluster. */
interface Row {
  readonly title: string;
  /** Names of the steps that are still to come. */
  readonly open: Set<string>;
  readonly end: PromiseWithResolvers<void>;
  task: Titled | undefined;
}

/** A live task list on a terminal (listr2): a row for each machine, with the layer that it has reached. */
export async function terminalReporter(stderr: Writable): Promise<Reporter> {
  const { Listr, ListrLogger, ProcessOutput } = await import("listr2");
  const stream = stderr as NodeJS.WriteStream;
  let rows: readonly Row[] = [];
  let running: Promise<unknown> | undefined;
  let held: string[] = [];
  const say = (line: string): void => {
    if (running === undefined) stream.write(`${line}\n`);
    else held.push(line);
  };
  const settle = async (): Promise<void> => {
    for (const row of rows) row.end.reject(new Error("not finished"));
    await running;
    [running, rows] = [undefined, []];
    for (const line of held) stream.write(`${line}\n`);
    held = [];
  };
  const begin = (steps: readonly Step[]): void => {
    rows = rowsOf(steps);
    if (rows.length === 0) return;
    const list = new Listr(rows.map(taskOf), {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false,
      rendererOptions: {
        collapseErrors: false,
        logger: new ListrLogger({ processOutput: new ProcessOutput(stream, stream) }),
      },
    });
    running = list.run().catch(() => undefined);
  };
  return {
    emit: (event) => {
      if (event.kind === "plan") begin(event.steps);
      else if (!updateRow(rows, event)) {
        const line = event.kind === "warning" ? warningText(event) : eventLine(event);
        if (line !== undefined) say(line);
      }
    },
    end: settle,
  };
}

function rowsOf(steps: readonly Step[]): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const step of steps) {
    const title = rowTitle(step);
    const row = rows.get(title) ?? { title, open: new Set(), end: Promise.withResolvers(), task: undefined };
    row.end.promise.catch(() => undefined);
    row.open.add(stepName(step));
    rows.set(title, row);
  }
  return [...rows.values()];
}

function rowTitle(step: Step): string {
  return "node" in step ? step.node : actionText(step);
}

function taskOf(row: Row): ListrTask {
  return {
    title: row.title,
    task: async (_context, task) => {
      row.task = task as unknown as Titled;
      await row.end.promise;
    },
  };
}

/** Whether the event belongs to a row. */
function updateRow(rows: readonly Row[], event: ClusterEvent): boolean {
  const title = "step" in event ? rowTitle(event.step) : event.kind === "layer" ? event.node : undefined;
  const row = rows.find((one) => one.title === title);
  if (row === undefined) return false;
  const show = (text: string): void => {
    if (row.task !== undefined) row.task.title = text === row.title ? text : `${row.title}: ${text}`;
  };
  switch (event.kind) {
    case "step-begin":
      show(actionText(event.step) === row.title ? row.title : actionText(event.step));
      break;
    case "step-progress":
      show(event.message);
      break;
    case "layer":
      show(`${layerText(event.layer)} (${showDuration(event.ms)})`);
      break;
    case "step-failed":
      row.end.reject(new Error(event.message));
      break;
    case "step-end":
      row.open.delete(stepName(event.step));
      if (row.open.size === 0) row.end.resolve();
      break;
    case "plan":
    case "note":
    case "warning":
    case "done":
      return false;
  }
  return true;
}
