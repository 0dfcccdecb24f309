import type { World } from "../world.ts";

/** One part of the story: a heading, why it is so, and the commands. */
export interface Step {
  readonly title: string;
  readonly why: string;
  /** Known when the step begins: commands contain addresses. */
  readonly parts: (world: World) => readonly Part[] | Promise<readonly Part[]>;
  /** The parts may be done at the same time, and beside the step before this one. */
  readonly together?: boolean;
}

export interface Part {
  /** What a reader would type, in the repository's folder. */
  readonly command: string;
  /** What is going on meanwhile, beside the spinner. */
  readonly doing: string;
  /** Whether what the command makes is there; without it the command is run each time. */
  readonly observe?: (world: World) => Promise<Observation>;
  /** Does the same as the command, in this process. */
  readonly apply?: (world: World, say: (text: string) => void) => Promise<void>;
  /** What of the output is shown; nothing by default. */
  readonly show?: (output: string) => readonly string[];
  /** What is wrong with the output, or undefined. The command is tried again for a while: names and routes take a moment. */
  readonly check?: (output: string, code: number) => string | undefined;
  /** What is to be done again before another try: the command looks at its effect. */
  readonly again?: (world: World) => Promise<void>;
  /** The line after it: what has been seen. */
  readonly told?: (output: string, world: World) => string;
  /** Shows more, once what was expected does not come. */
  readonly explain?: string;
}

/** `coming`: made, and not ready yet. */
export interface Observation {
  readonly state: "absent" | "coming" | "there";
  readonly text: string;
}

/** Every line of an output. */
export const whole = (output: string): readonly string[] => output.trimEnd().split("\n");
