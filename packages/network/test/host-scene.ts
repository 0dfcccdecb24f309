import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { type Kernel, type Namespace, openKernel } from "../src/host/index.ts";

const run = promisify(execFile);

export const isRoot = process.getuid?.() === 0;

let scenes = 0;

/** The real kernel, with namespaces that are taken away at the end. */
export class Scene implements AsyncDisposable {
  readonly kernel: Kernel = openKernel();
  readonly #prefix = `skh${process.pid}-${++scenes}`;
  readonly #names: string[] = [];

  /** A name that nobody else uses. */
  name(label: string): string {
    const name = `${this.#prefix}${label}`;
    this.#names.push(name);
    return name;
  }

  namespace(label: string): Promise<Namespace> {
    return this.kernel.ensure(this.name(label));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await this.kernel.remove(name);
    this.kernel.close();
  }
}

const nameOf = ({ path }: Namespace) => path.slice(path.lastIndexOf("/") + 1);

/** What `ip -n NAME …` prints; carried out without a turn of the event loop. */
export const ip = (namespace: Namespace, ...args: string[]): string =>
  execFileSync("ip", ["-n", nameOf(namespace), ...args], { encoding: "utf8" });

type Json = Record<string, unknown>;

/** What `ip -j` shows, without what changes by itself. */
export const ipJson = (namespace: Namespace, ...args: string[]): Json[] =>
  JSON.parse(ip(namespace, "-j", "-d", ...args) || "[]");

export const bridgeJson = (namespace: Namespace, ...args: string[]): Json[] =>
  JSON.parse(execFileSync("bridge", ["-n", nameOf(namespace), "-j", ...args], { encoding: "utf8" }));

/** A command of a stranger's, in the namespace. */
export async function inside(namespace: Namespace, ...command: string[]): Promise<string> {
  return (await run("ip", ["netns", "exec", nameOf(namespace), ...command])).stdout;
}

/** The chosen fields of each. */
export const pick = (values: readonly Json[], ...fields: string[]): Json[] =>
  values.map((value) => Object.fromEntries(fields.flatMap((field) => (field in value ? [[field, value[field]]] : []))));
