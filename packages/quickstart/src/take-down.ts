import { existsSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { defaultMachineRoot, findLeftovers, type Host, removeMachine } from "@skep/machine";
import { nodeNames, type Places } from "./places.ts";

/** True when there is a quickstart, or what is left of one, in this place. */
export const isQuickstart = ({ state }: Places): boolean => existsSync(state);

/**
 * Removes the nodes, which takes their swarm, containers and images along, then the quickstart's own folder. Each step looks at
 * what is there, so it may follow upon anything. Resolves with what could not be removed, one line each.
 */
export async function takeDown(places: Places, host: Host, say: (text: string) => void): Promise<string[]> {
  const removed: string[] = [];
  await Promise.all(
    nodeNames.map(async (name) => {
      await removeMachine(places.root, name, { host, force: true });
      removed.push(name);
      say(`${removed.join(", ")} removed`);
    }),
  );
  const others = await otherNodes(places);
  const left = others.length > 0 ? [] : await findLeftovers(host, places.root, nodeNames);
  if (left.length === 0) await removeState(places);
  return left;
}

/** Nodes of other names are somebody else's, and stay with what nodes share. */
async function otherNodes({ root }: Places): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !(nodeNames as readonly string[]).includes(entry.name))
    .map(({ name }) => name);
}

/** The folder itself last: as long as it is there, the nodes are known to be the quickstart's. */
async function removeState({ state, root }: Places): Promise<void> {
  for (const entry of await readdir(state).catch(() => []))
    await rm(join(state, entry), { recursive: true, force: true });
  await rm(state, { recursive: true, force: true });
  if (root === defaultMachineRoot) await rmdir(dirname(root)).catch(() => {}); // when nothing else is in it
}
