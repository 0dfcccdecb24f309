import type { PublishedPort } from "@skep/model";
import type { DnsPorts } from "./dns/dns-server.ts";
import type { AttachedInterface } from "./node-network.ts";
import type { Sandbox } from "./sandbox.ts";

/** A sandbox with what this node has chosen for it. Kept on disk, so that a restarted skepd knows it again. */
export interface Attachment {
  readonly sandbox: Sandbox;
  /** Of its namespace: its process number may be another's by now. */
  readonly inode: number;
  /** As in `sandbox.interfaces`, the gateway's last. */
  readonly interfaces: readonly AttachedInterface[];
  readonly hostPorts: readonly PublishedPort[];
  readonly dns: DnsPorts;
}

/** What `AttachedInterface.networkId` says of the interface that leads out. */
export const gatewayInterface = "gateway";
