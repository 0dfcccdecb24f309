// node bench/page.ts RESULTS PAGE: writes the figures in RESULTS/*.jsonl into the page, and prints its table. Rows of other
// benchmarks stay, with the day they were measured, as long as the page speaks of this machine and these versions.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
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

/** What figures depend on, besides this repository; as the page lists it. */
function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() || "unknown processor";
  return `- machine: ${processors.length} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB
- kernel: Linux ${release()}
- Node.js ${process.version}; ${version("dockerd", "--version")}; ${version("runc", "--version").split("\n")[0]}`;
}

const header = ["benchmark", "metric", "value", "target", "measured"];

function rowsOf(figures: readonly Figure[], day: string): string[][] {
  return figures.map(({ bench, metric, value, unit, target }) => [
    bench,
    metric,
    `${formatValue(value)} ${unit}`.trim(),
    target ?? "",
    day,
  ]);
}

/** The rows that a page has, of benchmarks that were not run this time; none when it was another machine. */
function keptRows(page: string, machine: string, measured: ReadonlySet<string>): string[][] {
  if (!page.includes(machine)) return [];
  return page
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2) // the header, and the line under it
    .map((line) =>
      line
        .slice(2, -2)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll("\\|", "|")),
    )
    .filter((cells) => cells.length === header.length && !measured.has(cells[0] ?? ""));
}

const [results = "bench/results", path = "docs/benchmarks.md"] = process.argv.slice(2);
const machine = describeMachine();
const figures = readFigures(results);
const before = existsSync(path) ? readFileSync(path, "utf8") : "";
const kept = keptRows(before, machine, new Set(figures.map(({ bench }) => bench)));
const rows = [...kept, ...rowsOf(figures, new Date().toISOString().slice(0, 10))].sort(([a = ""], [b = ""]) =>
  a < b ? -1 : a > b ? 1 : 0,
);
const table = renderTable([header, ...rows]);
writeFileSync(
  path,
  `# Benchmarks

Measured by \`npm run bench\`; run it to measure again and to write this page. \`npm run bench NAME ...\` measures some of them anew.

${machine}

${table}
`,
);
process.stdout.write(`${table}\n`);
