import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ProxyScene } from "./proxy-scene.ts";

const wire = fileURLToPath(new URL("./wire.ts", import.meta.url));

export interface Exchange {
  readonly text: string;
  /** The other end has ended the connection. */
  readonly closed: boolean;
  /** Of all answers, in their order. */
  readonly statuses: readonly number[];
}

export interface ControlReply {
  readonly status: number;
  readonly body: string;
}

interface Reply {
  readonly id: number;
  readonly text?: string;
  readonly closed?: boolean;
  readonly seen?: readonly string[];
}

/** Sends bytes to the ports of a scene's namespace, many at a time and without a process for each; see wire.ts. */
export class WireClient {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #calls = 0;

  static async start(scene: ProxyScene): Promise<WireClient> {
    const client = new WireClient(scene);
    await new Promise<void>((resolve) => client.#waiting.set(0, () => resolve()));
    return client;
  }

  private constructor(scene: ProxyScene) {
    this.#child = scene.spawn([process.execPath, "--disable-warning=ExperimentalWarning", wire]);
    if (!this.#child.stdout) throw new Error("no output");
    createInterface(this.#child.stdout).on("line", (line) => {
      const reply = JSON.parse(line) as Reply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
  }

  /** Waits for the end of the connection, or until nothing has come for `waitMs`. */
  async send(
    port: number,
    chunks: string | Buffer | readonly (string | Buffer)[],
    { gapMs = 20, waitMs = 300 } = {},
  ): Promise<Exchange> {
    const all = typeof chunks === "string" || Buffer.isBuffer(chunks) ? [chunks] : chunks;
    const encoded = all.map((chunk) => Buffer.from(chunk as Buffer).toString("base64"));
    const { text = "", closed = false } = await this.#ask({ port, chunks: encoded, gapMs, waitMs });
    return { text, closed, statuses: [...text.matchAll(/HTTP\/1\.\d (\d{3})/g)].map(([, code]) => Number(code)) };
  }

  /** A call of the control API, `reconfigure?serviceName=a`. */
  async control(call: string, method = "GET"): Promise<ControlReply> {
    const head = `${method} /v1/docker-flow-proxy/${call} HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n`;
    const { text, statuses } = await this.send(8080, head, { waitMs: 30_000 });
    return { status: statuses[0] ?? 0, body: text };
  }

  /** Request line, header lines and body of one request to port 80, on a connection of its own. */
  request(line: string, headers: readonly string[] = ["Host: a"], body = "", options = {}): Promise<Exchange> {
    return this.send(80, `${[line, ...headers].join("\r\n")}\r\n\r\n${body}`, options);
  }

  /** What the recording upstream, port 9101, has been asked since the last call. */
  async seen(): Promise<readonly string[]> {
    return (await this.#ask({ seen: true })).seen ?? [];
  }

  #ask(what: object): Promise<Reply> {
    const id = ++this.#calls;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, resolve);
    this.#child.stdin?.write(`${JSON.stringify({ id, ...what })}\n`);
    return promise;
  }
}
