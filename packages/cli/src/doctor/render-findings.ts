/** As skepd's `GET /skep/doctor` has it. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warning" | "problem";
  readonly what: string;
  readonly advice?: string;
}

const marks: Record<Finding["state"], string> = { ok: "ok", warning: "!!", problem: "XX" };

/** A line each, the worst first, with what to do below; `all` shows what is well, too. */
export function renderFindings(findings: readonly Finding[], all: boolean): string {
  const of = (state: Finding["state"]) => findings.filter((finding) => finding.state === state);
  const [problems, warnings, fine] = [of("problem"), of("warning"), of("ok")];
  const shown = [...problems, ...warnings, ...(all ? fine : [])];
  const lines = shown.map(({ check, state, what, advice }) => {
    const line = `${marks[state]}  ${check}: ${what}\n`;
    return advice === undefined ? line : `${line}      do: ${advice}\n`;
  });
  return `${lines.join("")}${summary(problems.length, warnings.length, fine.length)}\n`;
}

function summary(problems: number, warnings: number, fine: number): string {
  if (problems + warnings === 0) return `All ${fine} checks passed.`;
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;
  return `${count(problems, "problem")}, ${count(warnings, "warning")}, ${fine} checks passed.`;
}
