import type { Rendered } from "../render/rendered.ts";
import type { CheckFailure } from "./alerts.ts";
import { checkConfig } from "./check.ts";
import type { ConfigFiles } from "./config-files.ts";

const timeoutMs = 30_000;

/** Asks HAProxy what it thinks of configs, of each once. */
export class ConfigChecker {
  checks = 0;
  failures = 0;
  readonly #binary: string;
  readonly #files: ConfigFiles;
  readonly #signal: AbortSignal;
  readonly #passed = new WeakSet<Rendered>();

  constructor(binary: string, files: ConfigFiles, signal: AbortSignal) {
    this.#binary = binary;
    this.#files = files;
    this.#signal = signal;
  }

  /** Why HAProxy would refuse the config; undefined when it would not. */
  async check(rendered: Rendered): Promise<CheckFailure | undefined> {
    if (this.#passed.has(rendered)) return undefined;
    const trial = await this.#files.layOut(rendered);
    try {
      const failure = await this.checkFile(trial.path);
      if (!failure) this.#passed.add(rendered);
      return failure;
    } finally {
      await trial.remove();
    }
  }

  /** The same of a config on disk. */
  async checkFile(path: string): Promise<CheckFailure | undefined> {
    this.checks++;
    const shownAs = this.#files.configPath;
    const failure = await checkConfig({ binary: this.#binary, path, shownAs, timeoutMs, signal: this.#signal });
    if (failure) this.failures++;
    return failure;
  }
}
