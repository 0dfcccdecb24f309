import { bare } from "@skep/model";
import type { SwarmClient } from "./swarm-client.ts";

/** Whether a task of the service has the address, or will have it when it is up. Throws as the client does. */
export async function hasTaskAt(
  client: Pick<SwarmClient, "tasks">,
  serviceName: string,
  address: string,
  signal: AbortSignal,
): Promise<boolean> {
  const tasks = await client.tasks({ service: [serviceName], "desired-state": ["running"] }, signal);
  return tasks.some(({ NetworksAttachments = [] }) =>
    NetworksAttachments.some(({ Addresses = [] }) => Addresses.map(bare).includes(address)),
  );
}
