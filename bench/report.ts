/** One measured figure; `target` is what the project asks of it, as text ("<= 10 ms"). */
export interface Figure {
  readonly bench: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: string;
}

/** Prints a figure as a table row; with BENCH_JSON set, as a JSON line for `scripts/bench.sh` to collect. */
export function report(figure: Figure): void {
  if (process.env.BENCH_JSON) {
    process.stdout.write(`${JSON.stringify(figure)}\n`);
    return;
  }
  const value = `${Number(figure.value.toPrecision(4))} ${figure.unit}`;
  process.stdout.write(
    `${figure.bench.padEnd(12)} ${figure.metric.padEnd(48)} ${value.padStart(16)}  ${figure.target ?? ""}\n`,
  );
}

/** The p-th percentile (0 to 100) of `samples`; 50 is the median. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((p / 100) * sorted.length))] ?? Number.NaN;
}
