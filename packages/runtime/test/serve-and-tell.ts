// serve-and-tell.ts: answers the hooks of a node from within it, and tells each start as a line of JSON, with the network
// namespace that it finds at the pid it was told. Ends with its standard input.
import { readlinkSync } from "node:fs";
import { silentLogger, systemClock } from "@skep/model";
import { defaultRuntimeSocket, RuntimeServer } from "@skep/runtime";

const server = await RuntimeServer.listen({
  ...{ socketPath: defaultRuntimeSocket, log: silentLogger, clock: systemClock },
  onStart: async ({ containerId, pid, hostname }) => {
    const network = readlinkSync(`/proc/${pid}/ns/net`);
    process.stdout.write(`${JSON.stringify({ containerId, pid, hostname, network })}\n`);
  },
});
process.stdout.write("ready\n");
process.stdin.resume().once("end", () => void server.close());
