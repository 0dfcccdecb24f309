import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { EngineError, EngineUnavailable } from "./engine.ts";
import { describeAddress, type EngineAddress } from "./engine-address.ts";

export interface EngineCall {
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Statuses to return besides 2xx. */
  readonly accept?: readonly number[];
}

/** Go's own limit; Node's 16 KiB are too few for the registry credentials that builds carry. */
export const maxHeaderSize = 1 << 20;

/** HTTP calls to the engine over connections that are kept. */
export class HttpTransport {
  readonly address: EngineAddress;
  /** Of this address only; whoever speaks HTTP to the engine by other means shares the kept connections through it. */
  readonly agent = new Agent({ keepAlive: true });

  constructor(address: EngineAddress) {
    this.address = address;
  }

  /** Resolves with the response once its head is there; throws EngineError, EngineUnavailable, or the signal's reason. */
  async open(method: string, path: string, call: EngineCall = {}): Promise<IncomingMessage> {
    const response = await this.#send(method, path, call);
    const status = response.statusCode ?? 0;
    if ((status >= 200 && status < 300) || call.accept?.includes(status)) return response;
    const text = await this.#guard(call.signal, () => readText(response));
    throw new EngineError(status, messageOf(text) || `${method} ${path}: status ${status}`);
  }

  /** The response's body as text. */
  async text(method: string, path: string, call: EngineCall = {}): Promise<string> {
    const response = await this.open(method, path, call);
    return this.#guard(call.signal, () => readText(response));
  }

  async json<T>(method: string, path: string, call: EngineCall = {}): Promise<T> {
    return JSON.parse(await this.text(method, path, call));
  }

  close(): void {
    this.agent.destroy();
  }

  /** Turns the ways in which a connection breaks into EngineUnavailable. */
  async #guard<T>(signal: AbortSignal | undefined, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      throw this.failure(cause, signal);
    }
  }

  failure(cause: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    const why = cause instanceof Error ? cause.message : String(cause);
    return new EngineUnavailable(`cannot reach the Docker Engine at ${describeAddress(this.address)}: ${why}`, {
      cause,
    });
  }

  async #send(method: string, path: string, call: EngineCall): Promise<IncomingMessage> {
    call.signal?.throwIfAborted();
    for (;;) {
      const attempt = this.#attempt(method, path, call);
      try {
        return await attempt.response;
      } catch (error) {
        // The engine may close a kept connection just as it is used again: nothing was read, so reading may be repeated.
        if (attempt.request.reusedSocket && method === "GET" && !call.signal?.aborted) continue;
        throw this.failure(error, call.signal);
      }
    }
  }

  #attempt(method: string, path: string, call: EngineCall) {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const query = call.query ? `?${new URLSearchParams(call.query)}` : "";
    const request = httpRequest({
      ...this.address,
      agent: this.agent,
      method,
      path: path + query,
      maxHeaderSize,
      headers: {
        Host: "docker",
        ...(body ? { "Content-Type": "application/json", "Content-Length": body.length } : {}),
        ...call.headers,
      },
      ...(call.signal ? { signal: call.signal } : {}),
    });
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      request.once("response", resolve);
      request.on("error", reject);
    });
    request.end(body);
    return { request, response };
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function messageOf(text: string): string {
  try {
    return String(JSON.parse(text).message);
  } catch {
    return text.trim();
  }
}
