import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    "data-root": { type: "string" },
    host: { type: "string", default: "" },
    engine: { type: "string" },
    config: { type: "string" },
    pidfile: { type: "string", default: "" },
  },
});
const socket = values.host.replace("unix://", "");
rmSync(socket, { force: true });
writeFileSync(values.pidfile, `${process.pid}\n`);
const server = createServer((request, response) => response.writeHead(request.url === "/_ping" ? 200 : 404).end());
server.listen(socket);
process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});
