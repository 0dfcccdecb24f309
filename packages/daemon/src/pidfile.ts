import { readFileSync, rmSync } from "node:fs";
import { writeFileAtomically } from "./data-root.ts";

/** Writes this process's id; disposing removes the file, if it is still ours. */
export function writePidfile(path: string): Disposable {
  writeFileAtomically(path, `${process.pid}\n`, 0o644);
  return {
    [Symbol.dispose]() {
      try {
        if (readFileSync(path, "utf8").trim() === String(process.pid)) rmSync(path);
      } catch {
        // removed by somebody else: that is what we wanted
      }
    },
  };
}
