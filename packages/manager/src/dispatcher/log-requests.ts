import { constants, type ServerHttp2Stream } from "node:http2";
import { PassThrough, type Readable } from "node:stream";
import {
  DomainError,
  type ErrorCode,
  type LogOptions,
  logRefusalHeader,
  type NodeId,
  newId,
  type Task,
} from "@skep/model";
import type { AgentSession } from "./agent-session.ts";
import { refuse } from "./exchange.ts";

interface LogRequest {
  readonly session: AgentSession;
  readonly answered: (stream: ServerHttp2Stream) => void;
  readonly failed: (error: unknown) => void;
}

/** Asks agents for logs over their sessions, and joins each request with the stream the agent answers it with. */
export class LogRequests {
  readonly #waiting = new Map<string, LogRequest>();

  /**
   * Resolves with the log once its node has begun to send it. Aborting, or destroying what it resolved with, tells the
   * node to stop. The log comes no faster than it is read: HTTP/2's flow control holds the node back.
   */
  async open(session: AgentSession, task: Task, options: LogOptions, signal: AbortSignal): Promise<Readable> {
    signal.throwIfAborted();
    const id = newId<"logs">();
    const answer = Promise.withResolvers<ServerHttp2Stream>();
    const cancel = () => {
      session.send({ type: "cancel-logs", id });
      answer.reject(signal.reason);
    };
    signal.addEventListener("abort", cancel, { once: true });
    this.#waiting.set(id, { session, answered: answer.resolve, failed: answer.reject });
    session.send({ type: "logs", id, taskId: task.id, options });
    try {
      return readableOf(await answer.promise, `logs of task ${task.id} broke off`, signal);
    } finally {
      this.#waiting.delete(id);
      signal.removeEventListener("abort", cancel);
    }
  }

  /** A `POST /logs/{id}` of an agent. */
  answer(nodeId: NodeId, id: string, stream: ServerHttp2Stream, refusalHeader: unknown): void {
    const request = this.#waiting.get(id);
    if (request?.session.nodeId !== nodeId) {
      refuse(stream, new DomainError("not-found", `nobody waits for log ${id}`));
      return;
    }
    if (refusalHeader !== undefined) {
      request.failed(refusalOf(refusalHeader));
      stream.respond({ ":status": 200 }, { endStream: true });
      stream.resume();
      return;
    }
    stream.respond({ ":status": 200 });
    request.answered(stream);
  }

  /** The session is over: who still waits for an answer on it gets none. */
  abandon(session: AgentSession): void {
    for (const request of this.#waiting.values()) {
      if (request.session === session) request.failed(nodeUnavailable(session.nodeId));
    }
  }
}

/** As swarmkit says it. */
export const nodeUnavailable = (nodeId: NodeId | undefined): DomainError =>
  new DomainError("unavailable", `node ${nodeId ?? ""} is not available`);

function readableOf(stream: ServerHttp2Stream, brokenOff: string, signal: AbortSignal): Readable {
  const log = new PassThrough();
  const stop = () => log.destroy();
  signal.addEventListener("abort", stop, { once: true });
  stream.on("error", () => {});
  // A stream that its node resets ends like any other, one that we destroy has no bad code: both must be right.
  stream.on("end", () => stream.end());
  stream.on("close", () => {
    if (stream.readableEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR) log.end();
    else log.destroy(new DomainError("unavailable", brokenOff));
  });
  log.on("close", () => {
    signal.removeEventListener("abort", stop);
    stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.pipe(log, { end: false });
  if (signal.aborted) stop();
  return log;
}

function refusalOf(header: unknown): DomainError {
  try {
    const { code, message } = JSON.parse(decodeURIComponent(String(header)));
    return new DomainError(code as ErrorCode, String(message));
  } catch (cause) {
    return new DomainError("internal", `the node refused to send the log and did not say why (${logRefusalHeader})`, {
      cause,
    });
  }
}
