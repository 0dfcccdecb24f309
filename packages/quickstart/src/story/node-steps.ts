import { createMachines, type MachineReport, removeMachine, startMachine } from "@skep/machine";
import { nodeNames } from "../places.ts";
import type { World } from "../world.ts";
import type { Observation, Part, Step } from "./step.ts";
import { whole } from "./step.ts";

const [first, ...others] = nodeNames;

export const nodes: Step = {
  title: "Three nodes",
  why: `Each is a network namespace of this machine with a Docker Engine and a skepd of its own: three machines, as far as
    they can tell. The second line points the docker CLI at the first of them; type it once in a shell of your own, and
    every command below works there.`,
  parts: async (world) => [makeNodes(await world.look()), pointCli],
};

/** What brings the three nodes up, of which some may be there. */
export function planNodes(reports: readonly Pick<MachineReport, "name" | "state">[]) {
  const stateOf = (name: string) => reports.find((report) => report.name === name)?.state;
  return {
    remove: nodeNames.filter((name) => stateOf(name) === "incomplete"),
    create: nodeNames.filter((name) => stateOf(name) === undefined || stateOf(name) === "incomplete"),
    start: nodeNames.filter((name) => stateOf(name) === "stopped" || stateOf(name) === "degraded"),
  };
}

/** The plan as commands. */
export function renderPlan({ remove, create, start }: ReturnType<typeof planNodes>): string {
  const lines = [
    ...(remove.length > 0 ? [`bin/skep machine rm -f ${remove.join(" ")}`] : []),
    ...(create.length > 0 ? [`bin/skep machine create ${create.join(" ")}`] : []),
    ...(start.length > 0 ? [`bin/skep machine start ${start.join(" ")}`] : []),
  ];
  return lines.length > 0 ? lines.join("\n") : `bin/skep machine create ${nodeNames.join(" ")}`;
}

function makeNodes(reports: readonly MachineReport[]): Part {
  return {
    command: renderPlan(planNodes(reports)),
    doing: "engines and skepds start",
    observe: observeNodes,
    apply: bringUp,
  };
}

async function observeNodes(world: World): Promise<Observation> {
  const reports = await world.look();
  const { create, start } = planNodes(reports);
  if (create.length + start.length > 0) return { state: "absent", text: "" };
  // started by a quickstart that was killed before they answered
  const silent = reports.filter(({ role }) => role === undefined).map(({ name }) => name);
  if (silent.length > 0) return { state: "coming", text: `${silent.join(", ")} to answer` };
  const text = reports.map(({ name, machine }) => `${name} ${machine?.address}`).join(" · ");
  return { state: "there", text };
}

/** In this process, so that nothing of the quickstart's is in the environment of daemons that stay. */
async function bringUp(world: World, say: (text: string) => void): Promise<void> {
  const { places, host, signal } = world;
  const plan = planNodes(await world.look());
  const options = { root: places.root, host, signal, onStep: (name: string, step: string) => say(`${name}: ${step}`) };
  await Promise.all(plan.remove.map((name) => removeMachine(places.root, name, { host, force: true })));
  if (plan.create.length > 0) await createMachines(plan.create, options);
  await Promise.all(plan.start.map((name) => startMachine(world.machine(name), options)));
  await world.look();
}

/** For the reader's shell; the tour's own commands have it already. */
const pointCli: Part = {
  command: `eval "$(bin/skep machine env ${first})"`,
  doing: "",
  apply: async () => {},
  told: (_, world) => `DOCKER_HOST is unix://${world.machine(first).paths.skepSocket}`,
};

export const swarm: Step = {
  title: "One swarm",
  why: `The first node makes the swarm and manages it, the others join with its token. From now on the three are one: a
    service runs wherever there is room.`,
  parts: (world) => [initialise(world), ...others.map((name) => join(world, name)), listNodes],
};

const initialise = (world: World): Part => ({
  command: `docker swarm init --advertise-addr ${world.address(first)}`,
  doing: "making keys and certificates",
  observe: (now) => observeRole(now, first, "manager"),
});

const join = (world: World, name: string): Part => ({
  command: `token=$(docker swarm join-token -q worker)
(eval "$(bin/skep machine env ${name})" && docker swarm join --token "$token" ${world.address(first)}:2377)`,
  doing: `${name} joins`,
  observe: (now) => observeRole(now, name, "worker"),
});

async function observeRole(world: World, name: string, role: string): Promise<Observation> {
  const found = (await world.look()).find((report) => report.name === name)?.role;
  return found === "manager" || found === "worker"
    ? { state: "there", text: `${name} is a ${found}` }
    : { state: found === "inactive" || found === undefined ? "absent" : "coming", text: `${name} is to be a ${role}` };
}

const listNodes: Part = {
  command: "docker node ls",
  doing: "nodes get ready",
  show: whole,
  check: (output) => {
    const ready = nodeNames.filter((name) => new RegExp(`\\b${name} +Ready +Active`).test(output));
    return ready.length === nodeNames.length ? undefined : `of ${nodeNames.join(", ")} only ${ready.length} are Ready`;
  },
};
