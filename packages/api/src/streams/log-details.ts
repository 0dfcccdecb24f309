import type { Task } from "@skep/model";

/**
 * Adds where a line comes from to the details the engine put before it, as `details=1` wants it:
 * `[timestamp ]key=value,... line`, keys sorted, keys and values percent-encoded (moby's `WriteLogStream`).
 * The line must have been asked for with details: then a blank ends them, even when there are none.
 */
export function withTaskDetails(line: Uint8Array, task: Task, timestamps: boolean): Uint8Array {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const start = timestamps ? bytes.indexOf(blank) + 1 : 0;
  const end = bytes.indexOf(blank, start);
  if (end < 0) return line;
  const own = bytes.toString("utf8", start, end).split(",").filter(isNotOurs);
  const details = [...own, ...taskDetails(task)].sort(byKey).join(",");
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(details), bytes.subarray(end)]);
}

const prefix = "com.docker.swarm";
const blank = 0x20;

/** Should a log driver have details of the same names, ours hold. */
const isNotOurs = (detail: string) => detail !== "" && !/^com\.docker\.swarm\.(node|service|task)\.id=/.test(detail);

const taskDetails = (task: Task): string[] => [
  `${prefix}.node.id=${task.nodeId ?? ""}`,
  `${prefix}.service.id=${task.serviceId}`,
  `${prefix}.task.id=${task.id}`,
];

const byKey = (a: string, b: string): number => {
  const [first = "", second = ""] = [a.split("=")[0], b.split("=")[0]];
  return first < second ? -1 : first > second ? 1 : 0;
};
