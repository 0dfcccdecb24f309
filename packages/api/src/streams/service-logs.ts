import { DomainError, isTerminal, type LogOptions, type Task, type TaskId } from "@skep/model";
import type { WriteStream } from "../router.ts";
import type { ManagerAccess } from "../swarm-node.ts";
import { decodeFrames, encodeFrame, type Frame, framesOfLines, framesOfPieces, streamIds } from "./docker-frames.ts";
import { withTaskDetails } from "./log-details.ts";

export interface LogSelection {
  /** The tasks asked for, as they are now. */
  tasks(): readonly Task[];
  /** Whether one of them may still get a container, or others come. */
  mayGrow(): boolean;
  /** Of the service: the client gets raw bytes then, frames otherwise. */
  readonly tty: boolean;
  readonly options: LogOptions;
}

/**
 * Sends the logs of tasks as one stream, in no order among tasks. Following, it takes up each task as it gets a
 * container, and ends when the client goes or what was asked for is gone. What could not be read is told at the end, in
 * the words of swarmkit's `logbroker/subscription.go`.
 */
export async function sendLogs(
  manager: ManagerAccess,
  selection: LogSelection,
  writeAny: WriteStream,
  signal: AbortSignal,
): Promise<void> {
  const write = oneAtATime(writeAny);
  const { follow } = selection.options;
  const sending = new Map<TaskId, Promise<string | undefined>>();
  const waiting = new Set<string>();
  for (;;) {
    const { revision } = manager.store.view();
    for (const task of selection.tasks()) {
      if (task.status.container && !sending.has(task.id)) {
        sending.set(task.id, sendTask(manager, selection, task, write, signal));
      } else if (!follow && isUnscheduled(task)) waiting.add(`task ${task.id} has not been scheduled`);
    }
    if (!follow || !selection.mayGrow() || signal.aborted) break;
    await manager.store.changed(revision, signal);
  }
  const problems = new Set([...(await Promise.all(sending.values())), ...waiting]);
  problems.delete(undefined);
  if (problems.size > 0 && !signal.aborted) await write(incomplete([...problems].join(", "), selection.tty));
}

/** Keeps pieces whole and in turn, however many tasks write. */
function oneAtATime(write: WriteStream): WriteStream {
  let last = Promise.resolve();
  return (piece) => {
    last = last.then(() => write(piece));
    return last;
  };
}

const isUnscheduled = (task: Task): boolean =>
  task.nodeId === undefined && !isTerminal(task.desiredState) && !isTerminal(task.status.state);

/** Resolves with what went wrong, and never rejects: the other tasks' logs go on. */
async function sendTask(
  manager: ManagerAccess,
  { options, tty }: LogSelection,
  task: Task,
  write: WriteStream,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const log = await manager.taskLogs(task, options, signal);
    for await (const frame of framesOf(log, task, options)) await write(output(frame, task, options, tty));
    return undefined;
  } catch (error) {
    if (signal.aborted) return undefined;
    return error instanceof DomainError ? error.message : `task ${task.id}: ${(error as Error).message}`;
  }
}

function framesOf(log: AsyncIterable<Uint8Array>, task: Task, options: LogOptions): AsyncIterable<Frame> {
  if (!task.spec.ContainerSpec?.TTY) return decodeFrames(log);
  return options.details ? framesOfLines(log) : framesOfPieces(log);
}

function output({ stream, payload }: Frame, task: Task, options: LogOptions, tty: boolean): Uint8Array {
  const line = options.details ? withTaskDetails(payload, task, options.timestamps) : payload;
  return tty ? line : encodeFrame({ stream, payload: line });
}

/** The CLI shows a frame of this stream as an error of the daemon, and fails. */
function incomplete(reasons: string, tty: boolean): Uint8Array {
  const text = `Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be retrieved for the following reasons: ${reasons}\n`;
  const payload = Buffer.from(text);
  return tty ? payload : encodeFrame({ stream: streamIds.systemError, payload });
}
