import type { Blame, Rendered, TaskServer } from "./rendered.ts";

/** A line of a section; `server` and `generation` are those that change without a reload. */
export type Line =
  | string
  | { readonly text: string; readonly server: TaskServer }
  /** A server line that is written with `disabled` behind it. */
  | { readonly text: string; readonly stopped: string }
  | { readonly text: string; readonly generation: number };

export interface Block {
  /** The services that are to blame for the lines; those of the section, otherwise. */
  readonly owners?: readonly string[];
  readonly lines: readonly Line[];
}

export interface Section {
  /** `backend go-demo-be8080`; absent when the lines are as they should be. */
  readonly header?: string;
  readonly owners?: readonly string[];
  readonly blocks: readonly Block[];
}

/** Sections one after another, with a blank line between them. */
export function writeConfig(sections: readonly Section[]): Omit<Rendered, "files"> {
  const config = new ConfigText();
  for (const [i, { header, owners = [], blocks }] of sections.entries()) {
    if (i > 0) config.add("", []);
    if (header !== undefined) config.add(header, owners);
    const indent = header === undefined ? "" : "    ";
    for (const block of blocks) {
      for (const line of block.lines) config.add(line, block.owners ?? owners, indent);
    }
  }
  return config.rendered();
}

class ConfigText {
  readonly #lines: string[] = [];
  readonly #structure: string[] = [];
  readonly #servers: TaskServer[] = [];
  readonly #stopped: string[] = [];
  readonly #blame: Blame[] = [];
  /** Places in `#blame` of what was due to each service last. */
  readonly #last = new Map<string, number>();

  add(line: Line, owners: readonly string[], indent = ""): void {
    const text = typeof line === "string" ? line : line.text;
    const full = text === "" ? "" : indent + text;
    const isStopped = typeof line !== "string" && "stopped" in line;
    this.#lines.push(isStopped ? `${full} disabled` : full);
    if (typeof line === "string" || isStopped) this.#structure.push(full);
    if (isStopped) this.#stopped.push(line.stopped);
    else if (typeof line !== "string" && "server" in line) this.#servers.push(line.server);
    for (const owner of owners) this.#blameLine(owner, this.#lines.length);
  }

  #blameLine(serviceName: string, at: number): void {
    const place = this.#last.get(serviceName) ?? -1;
    const last = this.#blame[place];
    if (last?.to === at - 1) this.#blame[place] = { ...last, to: at };
    else this.#last.set(serviceName, this.#blame.push({ serviceName, from: at, to: at }) - 1);
  }

  rendered(): Omit<Rendered, "files"> {
    return {
      config: `${this.#lines.join("\n")}\n`,
      structure: `${this.#structure.join("\n")}\n`,
      servers: this.#servers,
      stopped: this.#stopped,
      blame: this.#blame,
    };
  }
}
