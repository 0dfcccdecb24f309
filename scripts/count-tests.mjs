// Adds up the vitest reports (*.json) of a folder; prints each failure's name and the beginning of its message, so that a
// log's end says what is wrong, then "N passed, N failed[, N skipped]"; exits with 1 when anything failed. A run marked by NAME.failed without a failed test in its report (it crashed, a file could not be loaded, a
// check did not pass) counts as one failure.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2] ?? ".";
const names = new Set(readdirSync(folder).map((file) => file.replace(/\.(json|failed|log)$/, "")));

const messageLines = 12;

/** @param {string} name @param {any} report */
function tellFailures(name, report) {
  const tests = (report.testResults ?? []).flatMap((/** @type {any} */ file) => file.assertionResults);
  for (const { status, fullName, failureMessages } of tests) {
    if (status !== "failed") continue;
    const message = failureMessages.join("\n").split("\n").slice(0, messageLines);
    console.log([`FAILED ${name}: ${fullName}`, ...message].join("\n  "));
  }
}

const runs = [...names].map((name) => {
  const report = join(folder, `${name}.json`);
  const marked = existsSync(join(folder, `${name}.failed`));
  const read = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : {};
  tellFailures(name, read);
  const failed = read.numFailedTests ?? 0;
  return {
    passed: read.numPassedTests ?? 0,
    failed: marked ? Math.max(failed, 1) : failed,
    skipped: (read.numPendingTests ?? 0) + (read.numTodoTests ?? 0),
  };
});

const sum = (/** @type {"passed" | "failed" | "skipped"} */ key) => runs.reduce((total, run) => total + run[key], 0);
const skipped = sum("skipped");
console.log(`${sum("passed")} passed, ${sum("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = sum("failed") > 0 ? 1 : 0;
