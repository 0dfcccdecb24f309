import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { type Clients, type From, Held } from "./clients.ts";
import type { DnsAnswer } from "./dns-packet.ts";

const tool = [
  process.execPath,
  "--disable-warning=ExperimentalWarning",
  fileURLToPath(new URL("./dns-tool.ts", import.meta.url)),
];

export type TimedAnswer = DnsAnswer & { readonly afterMs: number };

/** Asks the resolver that containers have, and serves names outside of the swarm. */
export class NameClients {
  readonly #clients: Clients;

  constructor(clients: Clients) {
    this.#clients = clients;
  }

  /** Questions are written `TYPE NAME [tcp] [EDNS-BYTES]`. */
  async ask(from: From, ...questions: readonly string[]): Promise<TimedAnswer[]> {
    const { stdout, stderr, code } = await this.#clients.run(from, ...tool, "ask", ...questions);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const answers = stdout.trim().split("\n");
    return answers.map((line) => JSON.parse(line) as TimedAnswer);
  }

  async askOne(from: From, question: string): Promise<TimedAnswer> {
    const [answer] = await this.ask(from, question);
    if (!answer) throw new Error(`no answer to ${question}`);
    return answer;
  }

  /** The addresses of a name, sorted. */
  async addresses(from: From, name: string): Promise<string[]> {
    return addressesIn(await this.askOne(from, `A ${name}`));
  }

  /** Asks for a name all the time; the answers come as `UPTIME ADDRESS,ADDRESS`. */
  async watch(from: From, name: string): Promise<Held> {
    return new Held(await this.#clients.commandFor(from, [...tool, "watch", name]));
  }

  /** A name server at this address; see dns-tool.ts. */
  async serve(from: From, address: string): Promise<Held> {
    const held = new Held(await this.#clients.commandFor(from, [...tool, "serve", address]));
    expect(await held.next()).toEqual({ line: "serving" });
    return held;
  }
}

export const addressesIn = ({ records }: DnsAnswer): string[] => records.map(({ data }) => data).sort();
