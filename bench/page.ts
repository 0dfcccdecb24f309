// node bench/page.ts RESULTS PAGE: makes the page from the figures in RESULTS/*.jsonl, and prints its table.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Figure } from "./report.ts";

function readFigures(folder: string): Figure[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".jsonl"));
  return files.sort().flatMap((file) =>
    readFileSync(join(folder, file), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Figure),
  );
}

/** Three digits are what such figures are worth; whole numbers from 100 on. */
function formatValue(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

/** A Markdown table with its columns aligned, as the formatter of this repository wants it. */
function renderTable(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  const [header = [], ...body] = rows;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

function version(program: string, ...args: readonly string[]): string {
  try {
    return execFileSync(program, [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return `no ${program}`;
  }
}

function renderPage(figures: readonly Figure[], measuredOn: string): string {
  const processors = cpus();
  const machine = `${processors.length} × ${processors[0]?.model.trim() || "unknown processor"}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const rows = figures.map(({ bench, metric, value, unit, target }) => [
    bench,
    metric,
    `${formatValue(value)} ${unit}`.trim(),
    target ?? "",
  ]);
  return `# Benchmarks

Measured on ${measuredOn} by \`npm run bench\`; run it to measure again and to write this page.

- machine: ${machine}
- kernel: Linux ${release()}
- Node.js ${process.version}; ${version("dockerd", "--version")}; ${version("runc", "--version").split("\n")[0]}

${renderTable([["benchmark", "metric", "value", "target"], ...rows])}
`;
}

const [results = "bench/results", page = "docs/benchmarks.md"] = process.argv.slice(2);
const text = renderPage(readFigures(results), new Date().toISOString().slice(0, 10));
writeFileSync(page, text);
process.stdout.write(text.slice(text.indexOf("|")));
