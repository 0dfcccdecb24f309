import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { enterCommand, initPid } from "@skep/machine";
import type { Cluster } from "@skep/testkit";
import type { DumpRequest, NodeDump } from "./node-dump-types.ts";

const script = fileURLToPath(new URL("./node-dump.ts", import.meta.url));

/** Looks into a node's kernel, by one process that stays there. */
export class NodeWatch implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(cluster: Cluster, node: string) {
    const init = initPid(cluster.machine(node));
    if (init === undefined) throw new Error(`${node} is stopped`);
    const command = [process.execPath, "--disable-warning=ExperimentalWarning", script];
    const [file = "", ...args] = enterCommand(init, command);
    this.#child = spawn(file, args);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async dump(request: DumpRequest): Promise<NodeDump> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the process in the node has ended");
    const { dump, error } = JSON.parse(value) as { readonly dump?: NodeDump; readonly error?: string };
    if (!dump) throw new Error(error);
    return dump;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
