import { Readable } from "node:stream";
import { DomainError } from "@skep/model";
import { canonicalKeys } from "../canonical-keys.ts";
import { notInSwarm } from "../require-manager.ts";
import type { SwarmNode } from "../swarm-node.ts";
import type { MergeContext } from "./merge-context.ts";
import type { MergedRoute } from "./merged-route.ts";

/** A network's description is small; one that is longer than this goes to the engine unread. */
const longestPeekBytes = 1 << 20;

/** Passed through, but for networks of the swarm, which this version does not have. */
export function networkRoutes({ swarm }: MergeContext): MergedRoute[] {
  return [
    {
      method: "POST",
      path: "/networks/create",
      async handle({ body }) {
        const { start, rest } = await peek(body);
        if (isSwarmNetwork(start)) throw swarmNetworkRefusal(swarm);
        return { passThrough: { body: rest } };
      },
    },
  ];
}

/** The first part of a body, whole if it is short, and a stream of all of it. */
async function peek(body: Readable): Promise<{ start: Buffer; rest: Readable }> {
  const chunks: Buffer[] = [];
  let size = 0;
  const source: AsyncIterator<Buffer> = body.iterator({ destroyOnReturn: false });
  for (let next = await source.next(); !next.done; next = await source.next()) {
    chunks.push(next.value);
    size += next.value.length;
    if (size > longestPeekBytes) break;
  }
  const start = Buffer.concat(chunks);
  const rest = async function* () {
    if (start.length > 0) yield start;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  };
  return { start, rest: Readable.from(rest(), { objectMode: false }) };
}

function isSwarmNetwork(body: Buffer): boolean {
  try {
    const { Driver, Scope } = canonicalKeys(JSON.parse(body.toString()), ["Driver", "Scope"]);
    return Driver === "overlay" || Scope === "swarm";
  } catch {
    return false; // not JSON: the engine says what is wrong with it
  }
}

/** Words and statuses of `swarm-api.md` section 2.5. */
function swarmNetworkRefusal(swarm: SwarmNode): DomainError {
  const { state, role } = swarm.status();
  if (state === "inactive") return new DomainError("unavailable", notInSwarm);
  if (role === "worker") {
    return new DomainError(
      "forbidden",
      "Cannot create a multi-host network from a worker node. Please create the network from a manager node.",
    );
  }
  return new DomainError("not-implemented", "overlay networks are not available in this version of skep");
}
