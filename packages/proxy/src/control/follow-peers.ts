import { type Clock, DomainError, type Logger, pause } from "@skep/model";
import { callHttp, Deadline, type Peers } from "../sources/index.ts";
import type { Controller } from "./controller.ts";
import type { SharedState } from "./route-feed.ts";
import type { Route } from "./route-table.ts";
import type { SharedView } from "./shared-view.ts";

export interface FollowPeersParts {
  readonly peers: Pick<Peers, "addresses">;
  readonly port: number;
  readonly token: string | undefined;
  readonly controller: Controller;
  readonly view: SharedView;
  /** Undefined when this replica cannot use the parameters. */
  readonly routeOf: (query: string) => Route | undefined;
  /** This replica sees the swarm itself. */
  readonly isManaged: () => boolean;
  /** Called once, when what the others have at the start is taken over. */
  readonly tookOver: () => void;
  /** Called once the others have told, or there are none. */
  readonly told: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const againMs = 1000;
const waitSeconds = 25;
const answerMs = 3000;

/**
 * A replica that does not see the swarm follows one that does: it has that one's routes, by labels and by HTTP, as soon as
 * they change. Without such a one it has what came by HTTP from any. Until `signal` aborts.
 */
export async function followPeers(parts: FollowPeersParts, signal: AbortSignal): Promise<void> {
  await takeOver(parts, signal);
  while (!signal.aborted) {
    if (!parts.isManaged()) await followOne(parts, signal);
    parts.told();
    await pause(parts.clock, againMs, signal);
  }
}

/**
 * At the start, of a replica that sees the swarm as well: where no other one does, what came to them by HTTP is nowhere
 * else, and they would follow this one into having no routes.
 */
async function takeOver(parts: FollowPeersParts, signal: AbortSignal): Promise<void> {
  const best = await bestOf(parts, signal);
  if (best && !best.state.managed) takeIn(parts, best.state);
  parts.tookOver();
}

/** One that sees the swarm, or else any. */
async function bestOf(parts: FollowPeersParts, signal: AbortSignal): Promise<Told | undefined> {
  const answers = await Promise.all((await addressesOf(parts)).map((address) => ask(parts, address, "", 0, signal)));
  const found = answers.filter((answer) => answer !== undefined);
  return found.find(({ state }) => state.managed) ?? found[0];
}

/** Until the one that is followed does not answer any more. */
async function followOne(parts: FollowPeersParts, signal: AbortSignal): Promise<void> {
  const best = await bestOf(parts, signal);
  if (!best) return;
  let { state } = best;
  for (;;) {
    takeIn(parts, state);
    parts.told();
    if (!state.managed || parts.isManaged() || signal.aborted) return;
    const next = await ask(parts, best.address, state.revision, waitSeconds, signal);
    if (!next) return;
    state = next.state;
  }
}

async function addressesOf({ peers, log }: FollowPeersParts): Promise<readonly string[]> {
  try {
    return await peers.addresses();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    log.debug({ err: error }, "no other replicas are known");
    return [];
  }
}

interface Told {
  readonly address: string;
  readonly state: SharedState;
}

/** Undefined when it has no answer of use. */
async function ask(
  { port, token, clock, log }: FollowPeersParts,
  address: string,
  after: string,
  seconds: number,
  signal: AbortSignal,
): Promise<Told | undefined> {
  using deadline = new Deadline(clock, answerMs + seconds * 1000, `routes of ${address}`, signal);
  const query = new URLSearchParams({ type: "routes", after, wait: `${seconds}` });
  try {
    const { status, body } = await callHttp({
      method: "GET",
      url: new URL(`http://${address}:${port}/v1/docker-flow-proxy/services?${query}`),
      signal: deadline.signal,
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    });
    if (status !== 200) throw new Error(`status ${status}`);
    return { address, state: JSON.parse(body) as SharedState };
  } catch (err) {
    log.debug({ replica: address, err }, "a replica does not tell its routes");
    return undefined;
  }
}

function takeIn({ controller, view, routeOf }: FollowPeersParts, { managed, routes, swarm }: SharedState): void {
  view.follow(new Map(Object.entries(routes)));
  if (!managed) return;
  const known = Object.values(swarm).flatMap((query) => routeOf(query) ?? []);
  controller.replaceAll("swarm", known).catch(() => {}); // it is tried again
}
