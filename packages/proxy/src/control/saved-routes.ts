import { readFile, rename, writeFile } from "node:fs/promises";
import { type Clock, type Logger, pause } from "@skep/model";
import type { Controller } from "./controller.ts";
import { type Origin, origins, type Route } from "./route-table.ts";

/** As in the file: by origin, the parameters of each route by service name; `good` is what was live. */
type Saved = Partial<Record<Origin | "good", Record<string, string>>>;

/** After a change more of them are waited for. */
const restMs = 200;

/**
 * Every route on disk, so that a restart begins with what was known, whoever cannot be asked then. Written after each
 * change; what is lost in a crash every source tells again.
 */
export class SavedRoutes {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #text: string | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, clock: Clock, log: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
  }

  /** Fills the controller with what was saved. False when there is nothing. */
  async restore(controller: Controller, routeOf: (query: string) => Route | undefined): Promise<boolean> {
    const text = await readFile(this.#path, "utf8").catch(() => undefined);
    if (text === undefined) return false;
    this.#text = text;
    const saved = this.#parse(text);
    const routesIn = (section: Origin | "good") =>
      Object.values(saved[section] ?? {}).flatMap((query) => routeOf(query) ?? []);
    controller.remember(routesIn("good"));
    for (const origin of origins) void controller.replaceAll(origin, routesIn(origin));
    return true;
  }

  /** Soon after this, the file is as the controller is. */
  save(controller: Controller): void {
    this.#writing ??= this.#write(controller);
  }

  /** Resolves when nothing is left to write. */
  async written(): Promise<void> {
    await this.#writing;
  }

  #parse(text: string): Saved {
    try {
      const saved: unknown = JSON.parse(text);
      return typeof saved === "object" && saved !== null ? saved : {};
    } catch (err) {
      this.#log.warn({ err, path: this.#path }, "saved routes cannot be read");
      return {};
    }
  }

  async #write(controller: Controller): Promise<void> {
    await pause(this.#clock, restMs, new AbortController().signal);
    this.#writing = undefined;
    const queries = (routes: ReadonlyMap<string, Route>) =>
      Object.fromEntries([...routes].map(([name, { query }]) => [name, query]));
    const sections = origins.map((origin) => [origin, queries(controller.routesOf(origin))] as const);
    const text = `${JSON.stringify({ ...Object.fromEntries(sections), good: queries(controller.good) }, null, 1)}\n`;
    if (text === this.#text) return;
    try {
      await writeFile(`${this.#path}.new`, text, { mode: 0o600 });
      await rename(`${this.#path}.new`, this.#path);
      this.#text = text;
    } catch (err) {
      this.#log.warn({ err, path: this.#path }, "routes cannot be saved");
    }
  }
}
