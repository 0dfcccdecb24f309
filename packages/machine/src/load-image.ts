import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { PassThrough, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DomainError } from "@skep/model";
import { openOver } from "./unix-http.ts";

export interface LoadImageOptions {
  readonly image: string;
  /** The engine that has the image: a socket's path, or host:port. */
  readonly from: string;
  readonly to: readonly LoadTarget[];
  readonly onBytes?: (total: number) => void;
  readonly signal?: AbortSignal;
}

export interface LoadTarget {
  readonly name: string;
  readonly socket: string;
}

/**
 * Copies an image from one engine to others: it is saved once, and the stream is handed to all of them at the pace of
 * the slowest. A target that fails does not hold up the others; the error names those that failed.
 */
export async function loadImage(options: LoadImageOptions): Promise<void> {
  const { image, from, signal } = options;
  const path = `/images/${encodeURIComponent(image)}/get`;
  const source = await openOver(from, path, { ...(signal && { signal }) }).catch((error) => {
    throw new DomainError(
      "unavailable",
      `the engine at ${from} does not answer (${error.message}): name another one with --from NODE, or set DOCKER_HOST`,
    );
  });
  if (source.statusCode !== 200) throw await answerError(source, `${image} from ${from}`);
  const targets = options.to.map((target) => startLoad(target, signal));
  const copying = pipeline(source, (chunks: AsyncIterable<Buffer>) =>
    copyToAll(
      chunks,
      targets.map(({ input }) => input),
      options.onBytes,
    ),
  );
  const results = await Promise.allSettled([copying, ...targets.map(({ done }) => done)]);
  const failures = results
    .filter((result) => result.status === "rejected")
    .map(({ reason }) => (reason as Error).message);
  signal?.throwIfAborted();
  if (failures.length > 0) throw new DomainError("unavailable", failures.join("\n"));
}

function startLoad({ name, socket }: LoadTarget, signal: AbortSignal | undefined) {
  const input = new PassThrough();
  input.on("error", () => {}); // reported through `done`
  const done = openOver(socket, "/images/load?quiet=1", {
    method: "POST",
    headers: { "content-type": "application/x-tar" },
    body: input,
    ...(signal && { signal }),
  }).then(
    async (answer) => {
      if (answer.statusCode !== 200) throw await answerError(answer, `image load on ${name}`);
      const failed = (await textOf(answer)).split("\n").find((line) => line.includes('"error"'));
      if (failed !== undefined) throw new DomainError("unavailable", `image load on ${name}: ${messageIn(failed)}`);
    },
    (error) => {
      throw new DomainError("unavailable", `image load on ${name}: ${error.message}`);
    },
  );
  void done.catch(() => {}).finally(() => input.destroy());
  return { input, done };
}

async function copyToAll(
  chunks: AsyncIterable<Buffer>,
  outputs: readonly Writable[],
  onBytes?: (total: number) => void,
): Promise<void> {
  let total = 0;
  for await (const chunk of chunks) {
    const live = outputs.filter((output) => !output.destroyed);
    if (live.length === 0) return;
    await Promise.all(live.map((output) => (output.write(chunk) ? undefined : untilDrained(output))));
    total += chunk.length;
    onBytes?.(total);
  }
  for (const output of outputs) output.end();
}

/** Also resolves when the output closes: a failed target must not block the others. */
async function untilDrained(output: Writable): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([
      once(output, "drain", { signal: over.signal }),
      once(output, "close", { signal: over.signal }),
    ]);
  } finally {
    over.abort();
  }
}

async function answerError(answer: IncomingMessage, what: string): Promise<DomainError> {
  return new DomainError("unavailable", `${what}: ${messageIn(await textOf(answer)) || `HTTP ${answer.statusCode}`}`);
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk.toString();
  return text;
}

/** The message of an engine's error answer, or the text itself when it has no such form. */
function messageIn(text: string): string {
  try {
    const { message, error } = JSON.parse(text) as { message?: string; error?: string };
    return message ?? error ?? text;
  } catch {
    return text.trim();
  }
}
