import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { normaliseCall } from "./calls.ts";

/** A unix socket that passes requests on to another one and writes down what was asked and answered. */
export class CliRecorder implements AsyncDisposable {
  readonly socketPath: string;
  readonly #server: Server;
  #calls: string[] = [];

  private constructor(socketPath: string, server: Server) {
    this.socketPath = socketPath;
    this.#server = server;
  }

  static async start(socketPath: string, target: string): Promise<CliRecorder> {
    rmSync(socketPath, { force: true });
    const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
      const { method = "GET", url = "/", headers } = incoming;
      const onward = request({ socketPath: target, method, path: url, headers }, (answer) => {
        recorder.#calls.push(normaliseCall(method, url, answer.statusCode ?? 0));
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
      });
      onward.on("error", () => outgoing.destroy());
      outgoing.on("close", () => onward.destroy());
      incoming.pipe(onward);
    });
    const recorder = new CliRecorder(socketPath, server);
    server.listen(socketPath);
    await once(server, "listening");
    return recorder;
  }

  /** The calls since the last time this was asked. */
  take(): string[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
