import type { Clock } from "@skep/model";
import type { Output } from "./io.ts";

/** Shows what is being done to several nodes at once. */
export interface Progress {
  step(name: string, text: string): void;
}

/** On a terminal one line for each node, rewritten in place; elsewhere a line for each step. */
export function showProgress(output: Output, names: readonly string[], clock: Clock): Progress {
  const startedMs = clock.now();
  const seconds = () => ((clock.now() - startedMs) / 1000).toFixed(1);
  return output.isTTY === true ? liveProgress(output, names, seconds) : lineProgress(output, seconds);
}

const lineProgress = (output: Output, seconds: () => string): Progress => ({
  step: (name, text) => output.write(`${name}: ${text} (${seconds()} s)\n`),
});

function liveProgress(output: Output, names: readonly string[], seconds: () => string): Progress {
  const steps = new Map(names.map((name) => [name, "waiting"]));
  const width = Math.max(...names.map((name) => name.length));
  const draw = () => [...steps].map(([name, text]) => `\x1b[2K${name.padEnd(width)}  ${text}\n`).join("");
  output.write(draw());
  return {
    step(name, text) {
      steps.set(name, `${text} (${seconds()} s)`);
      output.write(`\x1b[${steps.size}A${draw()}`);
    },
  };
}
