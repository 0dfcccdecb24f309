import type { Logger } from "@skep/model";
import { pino, stdTimeFunctions } from "pino";

/** One JSON object a line on stdout, written before the call returns: nothing is lost by a crash. */
export function createLogger(level: string): Logger {
  return pino(
    { level, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) }, base: null },
    { write: (line: string) => void process.stdout.write(line) },
  );
}
