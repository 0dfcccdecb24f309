import type { Engine } from "@skep/engine";
import { type Clock, type Logger, pause } from "@skep/model";
import { BackOff } from "../task/back-off.ts";
import type { ContainerNetworks } from "./container-networks.ts";

const compareEveryMs = 60_000;
const retryEveryMs = 5_000;
const overlapMs = 1_000;

export interface EndingsOptions {
  readonly engine: Engine;
  readonly networks: Pick<ContainerNetworks, "started" | "ended" | "forget" | "renamed" | "compare" | "releaseAgain">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Tells of containers that end, whoever made them: their interfaces go with their namespace, but not their names and
 * addresses. And of those that start, where no hook does. Until `signal` aborts; an engine that is away is tried again.
 */
export async function followEndings(options: EndingsOptions, signal: AbortSignal): Promise<void> {
  const backOff = new BackOff(options.clock);
  while (!signal.aborted) {
    const connection = new AbortController();
    const both = AbortSignal.any([signal, connection.signal]);
    try {
      await Promise.all([
        followEvents(options, both),
        compareAgainAndAgain(options, backOff, both),
        releaseAgainAndAgain(options, both),
      ]);
    } catch (err) {
      if (!signal.aborted) options.log.debug({ err }, "engine does not answer, trying again");
    }
    connection.abort();
    await backOff.wait(signal);
  }
}

async function followEvents({ engine, networks, clock, log }: EndingsOptions, signal: AbortSignal): Promise<void> {
  const since = ((clock.now() - overlapMs) / 1000).toFixed(3);
  for await (const { Action, Actor } of engine.events(
    { type: ["container"], event: ["start", "die", "destroy", "rename"] },
    signal,
    since,
  )) {
    if (Action === "rename") {
      networks.renamed(Actor.ID, Actor.Attributes.name ?? "");
      continue;
    }
    const verb = Action === "start" ? "started" : Action === "destroy" ? "forget" : "ended";
    networks[verb](Actor.ID).catch((err) =>
      log.warn({ container: Actor.ID, event: Action, err }, "a container's networks could not follow it"),
    );
  }
}

async function compareAgainAndAgain(
  { engine, networks, clock }: EndingsOptions,
  backOff: BackOff,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const containers = await engine.listContainers({ all: true });
    backOff.reset();
    const running = containers.filter(({ State }) => State !== "created" && State !== "exited" && State !== "dead");
    await networks.compare(new Set(running.map(({ Id }) => Id)), new Set(containers.map(({ Id }) => Id)));
    await pause(clock, compareEveryMs, signal);
  }
}

/** A manager that was away may be back. */
async function releaseAgainAndAgain({ networks, clock }: EndingsOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(clock, retryEveryMs, signal);
    await networks.releaseAgain();
  }
}
