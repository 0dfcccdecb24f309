import { type Logger, type NetworkRecord, type NodeId, type RecordKey, silentLogger } from "@skep/model";
import { createNodeNetwork } from "../src/create-node-network.ts";
import { startDnsServer } from "../src/dns/start-dns-server.ts";
import { openKernel } from "../src/host/open-kernel.ts";
import type { Sandbox } from "../src/sandbox.ts";
import { serve } from "./dataplane-rpc.ts";

// A node of a test scene: the data plane alone, in the namespaces it was started in.

const [nodeId = "", folder = ""] = process.argv.slice(2);

const say = (level: string) => (fields: object, message: string) => {
  const { err, ...rest } = fields as { err?: Error };
  process.stderr.write(`${nodeId} ${level} ${message} ${JSON.stringify(rest)} ${err?.message ?? ""}\n`);
};
const logger: Logger = process.env.SCENE_LOG
  ? { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error"), child: () => logger }
  : silentLogger;

const kernel = openKernel();
const dns = await startDnsServer();
const network = await createNodeNetwork({
  facts: { nodeId: nodeId as NodeId, dataPathPort: 4789 },
  kernel,
  dns,
  dataFolder: `${folder}/data`,
  runFolder: `${folder}/run`,
  logger,
});

serve({
  ready: () => true,
  replaceAll: (revision: number, records: NetworkRecord[]) => network.replaceAll(revision, records),
  change: (revision: number, put: NetworkRecord[], remove: RecordKey[]) => network.change(revision, put, remove),
  attach: (sandbox: Sandbox) => network.attach(sandbox),
  detach: (containerId: string) => network.detach(containerId),
  repair: () => network.repair(),
  inspect: () => network.inspect(),
  setPathMtu: (peer: NodeId, bytes?: number) => network.setPathMtu(peer, bytes),
  removeEverything: () => network.removeEverything(),
  cpuMs() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
});
