import type { Host } from "../../host.ts";
import { linkOf, type Machine } from "../../machine.ts";

/** Pulls a node's cable out of the bridge, or plugs it in again: its packets are lost, nothing else changes. */
export async function setLink(host: Host, machine: Machine, state: "up" | "down"): Promise<void> {
  await host.run(["ip", "link", "set", linkOf(machine), state]);
}
