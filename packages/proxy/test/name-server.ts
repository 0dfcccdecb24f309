import { createInterface } from "node:readline";
import { startNameServer } from "../src/sources/test-name-server.ts";

// A name server on port 53 that takes its time. A line on stdin says what a name's addresses are from now on: `NAME ADDRESS...`.
// Prints a line when it listens.

const records: Record<string, readonly string[]> = {};
await startNameServer(records, { port: 53, delayMs: 300 });
process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  const [name = "", ...addresses] = line.split(" ");
  records[name] = addresses;
}
