import type { Blame, Rendered, TaskServer } from "./rendered.ts";

/** A line of a section; `server` and `generation` are those that change without a reload. */
export type Line =
  | string
  | { readonly text: string; readonly server: TaskServer }
  | { readonly text: string; readonly generation: number };

/** Lines of a section that one service, or nobody, is to blame for. */
export interface Block {
  readonly owner?: string;
  readonly lines: readonly Line[];
  /** Not to be indented. */
  readonly verbatim?: boolean;
}

export interface Section {
  /** `backend go-demo-be8080`; undefined when the blocks bring their own. */
  readonly header?: string;
  readonly owner?: string;
  readonly blocks: readonly Block[];
}

/** Sections one after another, with a blank line between them. */
export function writeConfig(sections: readonly Section[]): Omit<Rendered, "files"> {
  const config = new ConfigText();
  for (const [i, section] of sections.entries()) {
    if (i > 0) config.add("", undefined);
    if (section.header !== undefined) config.add(section.header, section.owner);
    for (const { owner = section.owner, lines, verbatim } of section.blocks) {
      for (const line of lines) config.add(line, owner, verbatim || !section.header ? "" : "    ");
    }
  }
  return config.rendered();
}

class ConfigText {
  readonly #lines: string[] = [];
  readonly #structure: string[] = [];
  readonly #servers: TaskServer[] = [];
  readonly #blame: Blame[] = [];

  add(line: Line, owner: string | undefined, indent = ""): void {
    const text = typeof line === "string" ? line : line.text;
    const full = text === "" ? "" : indent + text;
    this.#lines.push(full);
    if (typeof line === "string") this.#structure.push(full);
    else if ("server" in line) this.#servers.push(line.server);
    if (owner !== undefined) this.#blameLast(owner);
  }

  #blameLast(serviceName: string): void {
    const at = this.#lines.length;
    const last = this.#blame.at(-1);
    if (last?.serviceName === serviceName && last.to === at - 1) {
      this.#blame[this.#blame.length - 1] = { ...last, to: at };
    } else this.#blame.push({ serviceName, from: at, to: at });
  }

  rendered(): Omit<Rendered, "files"> {
    return {
      config: `${this.#lines.join("\n")}\n`,
      structure: `${this.#structure.join("\n")}\n`,
      servers: this.#servers,
      blame: this.#blame,
    };
  }
}
