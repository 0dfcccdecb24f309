import { flushCompileCache } from "node:module";
import { parentPort } from "node:worker_threads";
import { Queues } from "@skep/model";
import type { DnsPorts } from "./dns-server.ts";
import { Resolver } from "./resolver.ts";
import type { NumberedRequest, WorkerMessage, WorkerRequest } from "./worker-protocol.ts";

// The thread of the resolver: started by `startDnsServer`, told what names mean, asked by containers.

const post = (message: WorkerMessage) => parentPort?.postMessage(message);
const toError = (thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown)));

const resolver = new Resolver((containerId, error) => post({ is: "problem", containerId, error }));
/** By container. */
const queues = new Queues();

function carryOut(request: WorkerRequest): DnsPorts | undefined | Promise<DnsPorts | undefined> {
  switch (request.do) {
    case "put-zone":
      return void resolver.putZone(request.zone);
    case "change-zone":
      return void resolver.changeZone(request.change);
    case "remove-zone":
      return void resolver.removeZone(request.networkId);
    case "set-upstreams":
      return void resolver.setUpstreams(request.servers);
    case "open":
      return queues.run(request.client.containerId, async () => resolver.open(request.client));
    case "close":
      return queues.run(request.containerId, async () => void resolver.close(request.containerId));
  }
}

parentPort?.on("message", async ({ number, request }: NumberedRequest) => {
  try {
    const ports = await carryOut(request);
    post({ is: "done", number, ...(ports !== undefined && { ports }) });
  } catch (error) {
    post({ is: "failed", number, error: toError(error) });
  }
});

flushCompileCache(); // not at the end, which may be a SIGKILL
