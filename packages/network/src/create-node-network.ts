import { type Clock, type Logger, systemClock } from "@skep/model";
import type { DnsServer } from "./dns/dns-server.ts";
import type { Kernel } from "./host/kernel.ts";
import { legacyFirewall as ownLegacyFirewall } from "./host/legacy-firewall.ts";
import { findListeners, holdPort } from "./host/listening-process.ts";
import type { LegacyFirewall } from "./ingress/forward-policy.ts";
import { NetworkState } from "./network-state.ts";
import type { NodeFacts, NodeNetwork } from "./node-network.ts";
import type { PortKeeper } from "./port-holds.ts";
import { RunningNetwork } from "./running-network.ts";
import { SavedFiles } from "./saved-files.ts";

export interface NodeNetworkOptions {
  readonly facts: NodeFacts;
  /** Both are the caller's to close. */
  readonly kernel: Kernel;
  readonly dns: DnsServer;
  /** The last records are kept here, over reboots. */
  readonly dataFolder: string;
  /** What is attached now is kept here, under `sandboxes`. `/run/skep`, when not given. */
  readonly runFolder?: string;
  readonly clock?: Clock;
  readonly logger: Logger;
  /** As this machine does it, when not given. */
  readonly ports?: PortKeeper;
  readonly legacyFirewall?: LegacyFirewall;
}

/** Starts this node's data plane where an earlier process has left it; nothing that is right is touched. */
export async function createNodeNetwork(options: NodeNetworkOptions): Promise<NodeNetwork> {
  const { facts, kernel, dns, dataFolder, runFolder = "/run/skep", clock = systemClock } = options;
  const logger = options.logger.child({ component: "network" });
  const state = new NetworkState(facts.nodeId, facts.dataPathPort);
  const files = new SavedFiles(dataFolder, runFolder, clock, logger);
  state.hasShortcuts = await kernel.canFilter();
  if (!state.hasShortcuts)
    logger.info({}, "published ports work, but slower than with a kernel of 5.14 or later, with cls_bpf");
  const saved = await files.records();
  for (const record of saved?.records ?? []) state.put(record);
  const network = new RunningNetwork({
    kernel,
    dns,
    state,
    files,
    ports: options.ports ?? portsOf(kernel),
    legacyFirewall: options.legacyFirewall ?? ownLegacyFirewall(kernel.host),
    clock,
    logger,
  });
  await network.takeUp(await files.attachments());
  return network;
}

const portsOf = ({ host }: Kernel): PortKeeper => ({
  hold: (protocol, port) => host.enter(() => holdPort(protocol, port)),
  owners: (ports) => findListeners(ports, { excludePid: process.pid }),
});
