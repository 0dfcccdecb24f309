import { differences, runCommand, type Step } from "@skep/testkit";

export interface Surroundings {
  readonly env: Readonly<Record<string, string>>;
  /** Where the commands find themselves. */
  readonly folder: string;
  readonly timeoutMs: number;
}

const mark = "=== end of block ===";

/**
 * Runs the blocks of a page as one script, which ends at the first command that fails. Resolves with what each block has
 * printed on standard output; throws with all output when one has failed. `enter` says where: what is run instead of a
 * shell command here.
 */
export async function runSteps(
  steps: readonly Step[],
  enter: (shell: readonly string[]) => readonly string[],
  { env, folder, timeoutMs }: Surroundings,
): Promise<string[]> {
  const script = [`set -eu; cd ${folder}`, ...steps.flatMap(({ script }) => [script, `echo; echo '${mark}'`])].join(
    "\n",
  );
  const own = { COLUMNS: "200" };
  const { stdout, stderr, code } = await runCommand(enter(["timeout", `${timeoutMs / 1000}`, "bash", "-c", script]), {
    env: { ...process.env, ...own, ...env },
    timeoutMs: timeoutMs + 5_000, // the shell's own end comes first, with all that it has printed
  });
  const printed = stdout.split(`${mark}\n`);
  if (code !== 0) {
    const failed = steps[printed.length - 1];
    throw new Error(`the block at line ${failed?.line} ended with ${code}: ${stderr}\nit printed: ${printed.at(-1)}`);
  }
  return printed.slice(0, -1);
}

/** What blocks have printed otherwise than the page shows, with where that is; nothing when all is as shown. */
export function wrongOutputs(path: string, steps: readonly Step[], printed: readonly string[]): string[] {
  return steps.flatMap(({ line, output }, at) => {
    const found = output === undefined ? [] : differences(output, printed[at] ?? "");
    return found.length === 0 ? [] : [`${path}:${line}`, ...found];
  });
}
