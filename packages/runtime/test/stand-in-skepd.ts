// A skepd that answers pings and starting containers, and takes its time to come up: slower than the engine beside it.
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { silentLogger, systemClock } from "@skep/model";
import { defaultRuntimeSocket, RuntimeServer } from "@skep/runtime";

const text = { type: "string", default: "" } as const;
const options = { "data-root": text, host: text, engine: text, config: text, pidfile: text };
const { values } = parseArgs({ options });
await delay(1_000);
writeFileSync(values.pidfile, `${process.pid}\n`);
const runtime = await RuntimeServer.listen({
  ...{ socketPath: defaultRuntimeSocket, log: silentLogger, clock: systemClock },
  onStart: async () => {},
});
const socket = values.host.replace("unix://", "");
rmSync(socket, { force: true });
const server = createServer((_, response) => response.end()).listen(socket);
process.once("SIGTERM", async () => {
  await runtime.close();
  server.close();
  server.closeAllConnections();
});
