import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { enterCommand, initPid } from "@skep/machine";
import { type Cluster, type CommandResult, runCommand } from "@skep/testkit";
import { expect } from "vitest";

const script = fileURLToPath(new URL("./flows.ts", import.meta.url));
const node = [process.execPath, "--disable-warning=ExperimentalWarning", script];

/** Who asks: a container's network, a node, another namespace, or this machine, which is outside of the cluster. */
export type From =
  | { readonly node: string; readonly container: string }
  | { readonly node: string; readonly container?: undefined }
  | { readonly namespace: string }
  | "outside";

export const inside = ({ node, id }: { readonly node: string; readonly id: string }): From => ({ node, container: id });

export type Answer = { readonly line: string } | { readonly error: string; readonly afterMs: number };

/** Opens connections and sends packets from anywhere in a cluster, with a client of this machine's. */
export class Clients {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** This machine's address on the nodes' network: who asks from outside is seen with it. */
  get outsideAddress(): string {
    return (this.#cluster.machines[0]?.subnet ?? "").replace(/\.\d+\/\d+$/, ".1");
  }

  /** The answer to each of `count` connections made one after the other: `HOSTNAME CLIENT:PORT` of `whoami`. */
  async tcp(from: From, host: string, port: number, count = 1, clientPort?: number): Promise<Answer[]> {
    const more = clientPort === undefined ? [] : [`${clientPort}`];
    return this.#answers(await this.#run(from, "tcp", host, `${port}`, `${count}`, ...more));
  }

  /** The answer to each of `count` packets, from a new socket each. */
  async udp(from: From, host: string, port: number, count = 1, bytes = 16): Promise<Answer[]> {
    return this.#answers(await this.#run(from, "udp", host, `${port}`, `${count}`, `${bytes}`));
  }

  /** One connection, or one UDP socket, that stays open until it is disposed of. */
  async hold(from: From, host: string, port: number, options: HoldOptions = {}): Promise<Held> {
    const { protocol = "tcp", clientPort } = options;
    const command = protocol === "tcp" ? "hold" : "udp-hold";
    const more = clientPort === undefined ? [] : [`${clientPort}`];
    return new Held(await this.commandFor(from, [...node, command, host, `${port}`, ...more]));
  }

  /** Tries all targets, written `tcp HOST PORT`, at the same time for a second each; the answers are in their order. */
  async probe(from: From, targets: readonly string[]): Promise<Answer[]> {
    const command = await this.commandFor(from, [...node, "probe"]);
    return this.#answers(await runCommand(command, { input: targets.join("\n"), timeoutMs: 100_000 }));
  }

  /** Begins to listen on a UDP port; the result waits for the end of this time and gives all packets, `TEXT ADDRESS:PORT`. */
  async listen(from: From, port: number, ms = 1500): Promise<() => Promise<string[]>> {
    const held = new Held(await this.commandFor(from, [...node, "listen", `${port}`, `${ms}`]));
    expect(await held.next()).toEqual({ line: "listening" });
    return async () => lines(await held.rest());
  }

  /** Sends one packet, from `source` when it is given; it may be bytes. */
  async send(from: From, host: string, port: number, text: string | Buffer, source?: string): Promise<void> {
    const written = typeof text === "string" ? text : `hex:${text.toString("hex")}`;
    this.#answers(await this.#run(from, "send", host, `${port}`, written, ...(source === undefined ? [] : [source])));
  }

  /** Any command from there. */
  async run(from: From, ...command: readonly string[]): Promise<CommandResult> {
    return runCommand(await this.commandFor(from, command));
  }

  async #run(from: From, ...args: readonly string[]): Promise<CommandResult> {
    return runCommand(await this.commandFor(from, [...node, ...args]), { timeoutMs: 100_000 });
  }

  /** What to start so that `command` runs there. */
  async commandFor(from: From, command: readonly string[]): Promise<readonly string[]> {
    if (from === "outside") return command;
    if ("namespace" in from) return ["nsenter", `--net=/run/netns/${from.namespace}`, "--", ...command];
    const machine = this.#cluster.machine(from.node);
    const init = initPid(machine);
    if (init === undefined) throw new Error(`${from.node} is stopped`);
    if (from.container === undefined) return enterCommand(init, command);
    const inspected = await this.#cluster.engine(from.node, "inspect", "--format", "{{.State.Pid}}", from.container);
    const pid = Number(inspected.stdout);
    if (!(pid > 0)) throw new Error(`container ${from.container} does not run on ${from.node}: ${inspected.stderr}`);
    return enterCommand(init, ["nsenter", "--target", `${pid}`, "--net", "--", ...command]);
  }

  #answers({ stdout, stderr, code }: CommandResult): Answer[] {
    if (code !== 0) throw new Error(`client ended with ${code}: ${stderr}`);
    return stdout
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Answer);
  }
}

export interface HoldOptions {
  readonly protocol?: "tcp" | "udp";
  readonly clientPort?: number;
}

/** An open connection: what is sent comes back. */
export class Held implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor([file = "", ...args]: readonly string[]) {
    this.#child = spawn(file, args);
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** The next answer; rejects when the client has ended. */
  async next(): Promise<Answer> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("the connection is closed");
    return JSON.parse(value) as Answer;
  }

  /** All answers until the client ends. */
  async rest(): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (;;) {
      const { value, done } = await this.#answers.next();
      if (done) return answers;
      answers.push(JSON.parse(value) as Answer);
    }
  }

  async ask(text: string): Promise<Answer> {
    this.#child.stdin.write(`${text}\n`);
    return this.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
  }
}

/** The lines of answers that must all have come. */
export function lines(answers: readonly Answer[]): string[] {
  const errors = answers.filter((answer) => "error" in answer);
  expect(errors).toEqual([]);
  return answers.flatMap((answer) => ("line" in answer ? [answer.line] : []));
}

/** How often each backend answered, most first. */
export function shares(answers: readonly Answer[]): number[] {
  const counts = new Map<string, number>();
  for (const line of lines(answers)) {
    const name = line.split(" ")[0] ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts.values()].sort((a, b) => b - a);
}

/** Addresses the backends saw, each once. */
export const clientsSeen = (answers: readonly Answer[]): string[] =>
  [...new Set(lines(answers).map((line) => (line.split(" ")[1] ?? "").replace(/:\d+$/, "")))].sort();

export const errorOf = (answer: Answer | undefined): string | undefined =>
  answer && "error" in answer ? answer.error : undefined;
