import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster, runCommand } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { distinct } from "./calls.ts";
import { CliRecorder } from "./cli-recorder.ts";
import { dockerCli, eventually } from "./cluster-helpers.ts";
import { clusterProblem } from "./operator.ts";

// The commands of a recorded session with a real swarm, given to skep word for word: the CLI must send the same
// requests, get the same statuses, print the same columns and end with the same exit status. Ids, addresses and tokens
// are replaced by ours; how often the CLI polls does not count.

interface Golden {
  readonly command: string;
  readonly calls: readonly string[];
  readonly exit: number;
  readonly columns?: readonly string[];
}

const goldens: Readonly<Record<string, Golden>> = JSON.parse(
  readFileSync(new URL("./golden/cli-sequences.json", import.meta.url), "utf8"),
);

/** A recorded command on a node, or one of ours that brings about what the next ones need. */
type Step =
  | { readonly golden: string; readonly on?: string; readonly allow?: readonly string[] }
  | { readonly run: string; readonly on?: string }
  | { readonly await: string; readonly shows: RegExp };

const golden = (name: string, on?: string): Step => ({ golden: name, ...(on !== undefined && { on }) });
const run = (command: string, on?: string): Step => ({ run: command, ...(on !== undefined && { on }) });
const until = (command: string, shows: RegExp): Step => ({ await: command, shows });

const quick = "--no-resolve-image --stop-grace-period 1s";
/** An update looks at its tasks for a second instead of five; what the CLI asks is the same. */
const quickUpdates = "--update-monitor 1s --rollback-monitor 1s";

const chapters: Readonly<Record<string, readonly Step[]>> = {
  "outside a swarm": [
    golden("errors/cli-service-ls-noswarm"),
    golden("errors/cli-swarm-inspect-noswarm"),
    golden("swarm/leave-not-in-swarm"),
  ],
  "forming one": [
    golden("swarm/init"),
    golden("swarm/init-twice"),
    golden("swarm/join-token-worker"),
    golden("swarm/join-token-manager-q"),
    golden("swarm/join-bad-token", "node-2"),
    golden("swarm/join-worker", "node-2"),
    golden("swarm/join-twice", "node-2"),
    golden("errors/cli-node-ls-on-worker", "node-2"),
    golden("swarm/join-worker-3", "node-3"),
    golden("swarm/join-token-rotate"),
    golden("swarm/ca"),
    golden("swarm/autolock-off"),
    golden("swarm/update-task-history"),
    run("docker swarm update --dispatcher-heartbeat 1s"),
    golden("swarm/inspect-info-format"),
    golden("errors/cli-leave-manager-noforce"),
  ],
  nodes: [
    golden("nodes/ls"),
    golden("nodes/ls-q"),
    golden("nodes/ls-format"),
    golden("nodes/ls-filter"),
    golden("nodes/inspect"),
    golden("nodes/inspect-self-pretty"),
    golden("nodes/inspect-worker-pretty"),
    golden("nodes/inspect-labels"),
    golden("nodes/inspect-unknown"),
    golden("nodes/update-label"),
    golden("nodes/rm-active"),
    golden("nodes/rm-unknown"),
    golden("errors/cli-demote-worker"),
    golden("errors/cli-demote-last-manager"),
  ],
  "creating services": [
    golden("services/create-simple"),
    golden("services/create-simple-tty"),
    golden("services/create-detach"),
    golden("services/create-global"),
    golden("services/create-tty"),
    golden("services/create-spread"),
    run(`docker service create -d ${quick} --name dvip alpine:latest sleep 100000`),
    golden("services/create-duplicate"),
    golden("services/create-unknown-network"),
    run("docker service create -d --no-resolve-image --name dglob --mode global alpine:latest sleep 100000"),
    golden("services/scale-global"),
  ],
  "looking at services": [
    run(
      `docker service create -d ${quick} --name full --replicas 2 --label svc.l=1 --container-label ct.l=2 --env A=1 --env NODE={{.Node.Hostname}} --hostname {{.Service.Name}}-{{.Task.Slot}} --limit-cpu 0.5 --publish mode=host,target=81,published=8082 alpine:latest sh -c "echo hi; sleep 10000"`,
    ),
    until("docker service ls --filter name=full", /2\/2/),
    golden("services/ls"),
    golden("services/ls-node-down"),
    golden("services/inspect-pretty-simple"),
    golden("services/inspect"),
    golden("services/inspect-unknown"),
    golden("services/ps"),
    golden("services/ps-no-trunc"),
    golden("services/ps-global"),
    golden("services/ps-spread"),
    golden("services/ps-unknown"),
    golden("services/logs"),
    golden("services/logs-opts"),
    golden("services/logs-raw"),
    run(
      `docker service create -d ${quick} --name lg --replicas 2 alpine:latest sh -c "echo one; echo two; sleep 3; echo three; sleep 10000"`,
    ),
    until("docker service ls --filter name=lg", /2\/2/),
    golden("services/logs-two-replicas"),
    golden("containers/ps"),
    golden("containers/ps-filter-label"),
    run("docker service create -d --no-resolve-image --name ra --replicas 1 alpine:latest sleep 100000"),
    golden("services/inspect-format"),
    golden("services/inspect-generic"),
    golden("services/ls-filter"),
    golden("nodes/ps-node"),
    golden("nodes/ps-self"),
    golden("nodes/ps-two"),
  ],
  "why tasks wait or fail": [
    run(
      "docker service create -d --no-resolve-image --name pend --constraint node.labels.zone==nowhere alpine:latest sleep 100000",
    ),
    run("docker service create -d --no-resolve-image --name pend2 --reserve-memory 900g alpine:latest sleep 100000"),
    run(
      `docker service create -d ${quick} --name pend3 --replicas 4 --replicas-max-per-node 1 alpine:latest sleep 100000`,
    ),
    run(
      `docker service create -d ${quick} --name pend4 --replicas 4 --publish mode=host,target=77,published=7777 alpine:latest sleep 100000`,
    ),
    run("docker service create -d --no-resolve-image --name rej --restart-delay 1s alpine:nosuchtag"),
    run(
      `docker service create -d ${quick} --name fail --restart-max-attempts 3 --restart-delay 1s alpine:latest sh -c "exit 3"`,
    ),
    run(
      `docker service create -d ${quick} --name unh --restart-delay 1s --health-cmd false --health-interval 1s --health-retries 1 alpine:latest sleep 100000`,
    ),
    run(`docker service create -d ${quick} --name cons --constraint node.labels.disk==ssd alpine:latest sleep 100000`),
    until("docker service ps --no-trunc pend", /no suitable node \(scheduling constraints not satisfied on 3 nodes/),
    golden("services/ps-pending-pend"),
    until("docker service ps --no-trunc pend2", /no suitable node \(insufficient resources on 3 nodes/),
    golden("services/ps-pending-pend2"),
    until("docker service ps --no-trunc pend3", /no suitable node \(max replicas per node limit exceed/),
    golden("services/ps-pending-pend3"),
    until("docker service ps --no-trunc pend4", /no suitable node \(host-mode port already in use on 3 nodes/),
    golden("services/ps-pending-pend4"),
    until("docker service ps --no-trunc rej", /No such image: alpine:nosuchtag/),
    golden("services/ps-rejected"),
    until("docker service ps --no-trunc fail", /(task: non-zero exit \(3\)[\s\S]*){4}/),
    golden("services/ps-failing"),
    until("docker service ps --no-trunc unh", /task: non-zero exit \(137\): dockerexec: unhealthy container/),
    golden("services/ps-unhealthy"),
    until("docker service ps cons", /Running {3,}Running/),
    run("docker node update --label-rm disk node-2"),
    until("docker service ps --no-trunc cons", /assigned node no longer meets constraints/),
    golden("services/ps-constraint-enforced"),
    run("docker service rm pend pend2 pend3 pend4 rej fail unh cons"),
  ],
  "changing services": [
    run(`docker service update -d ${quick} ${quickUpdates} s1`),
    until("docker service inspect s1 -f {{.UpdateStatus.State}}", /completed/),
    golden("services/update-env"),
    golden("services/rollback"),
    golden("services/inspect-pretty-after-rollback"),
    golden("services/scale"),
    golden("services/scale-unknown"),
    golden("services/update-unknown"),
    golden("services/update-force"),
    golden("services/update-rollback-flag"),
    run("docker service scale -d ttysvc=4"),
    golden("services/rollback-scale"),
    golden("services/rollback-after-scale"),
    golden("services/update-image-tty"),
    run(`docker service create -d ${quick} ${quickUpdates} --name upd --replicas 2 alpine:latest sleep 100000`),
    until("docker service ls --filter name=upd", /2\/2/),
    golden("services/update-with-history"),
    golden("services/ps-after-update"),
    golden("services/ps-filter"),
    golden("containers/ps-a-after-update"),
    run(`docker service create -d ${quick} --name roll --replicas 2 ${quickUpdates} alpine:latest sleep 100000`),
    until("docker service ls --filter name=roll", /2\/2/),
    golden("services/update-rolling"),
    golden("services/update-start-first"),
    golden("services/update-paused-on-failure"),
    golden("services/inspect-pretty-paused"),
    golden("services/rollback-manual"),
    golden("services/inspect-pretty-rollback-completed"),
    golden("services/update-auto-rollback"),
    golden("services/rm-keeps-nothing"),
    golden("services/rm-unknown"),
  ],
  networks: [
    golden("networks/create-overlay"),
    golden("networks/inspect"),
    golden("networks/inspect-verbose-empty"),
    golden("networks/inspect-unknown"),
    golden("networks/inspect-on-worker-unused", "node-2"),
    golden("networks/create-internal"),
    golden("networks/create-ingress"),
    golden("networks/ls"),
    golden("networks/ls-filter"),
    golden("networks/ls-on-worker", "node-2"),
    run("docker network create -d overlay othernet"),
    golden("networks/rm"),
    run("docker network create -d overlay anet"),
    run("docker network create -d overlay --attachable attnet"),
    run("docker network create -d overlay --attachable batt"),
    golden("networks/create-duplicate"),
    run("docker service rm ra"),
    golden("services/create-with-registry-auth"),
    golden("services/update-with-registry-auth"),
    golden("networks/rm-in-use"),
    golden("services/update-many"),
    until("docker service inspect ra -f {{.UpdateStatus.State}}", /paused|completed/),
    golden("services/update-env-rm"),
    golden("services/create-host-network"),
    run(
      "docker service create -d --no-resolve-image --name ports -p 9100:80 -p 9101:81/sctp alpine:latest sleep 100000",
    ),
    golden("services/create-port-conflict"),
    golden("services/update-publish"),
    golden("services/ls-ports"),
    golden("networks/run-attachable"),
    golden("networks/connect-attachable"),
    golden("networks/disconnect-attachable"),
    run("docker rm -f standalone"),
    run("docker service rm ra hostnet ports"),
    golden("networks/prune"),
  ],
  "nodes that come and go": [
    golden("nodes/drain"),
    until("docker node ls", /node-2 .*Drain/),
    golden("nodes/ls-drained"),
    golden("nodes/ps-drained"),
    golden("nodes/undrain"),
    golden("nodes/ps-after-undrain"),
    run("docker node update --availability pause node-2"),
    golden("nodes/ls-paused"),
    run("docker node update --availability active node-2"),
    golden("swarm/leave-worker-2", "node-3"),
    until("docker node ls", /node-3 .*Down/),
    golden("nodes/ls-left"),
    golden("nodes/ls-after-leave"),
    golden("services/ps-node-down"),
    golden("nodes/rm-force"),
    golden("nodes/ls-after-rm"),
    golden("swarm/leave-force"),
  ],
};

/** Recorded commands that need what this version refuses, with what they wait for. */
const later: Readonly<Record<string, RegExp>> = {
  "several managers, promotion":
    /errors\/cli-(demote-loses|leave-loses|no-quorum|promote)|nodes\/(demote|promote|ls-3|ls-three|ls-quorum|ls-manager|ls-after-demote|update-role|rm-down|rm-two|update-active)/,
  jobs: /job|services\/ls-modes/,
  "secrets and configs": /create-unknown-secret|services\/(create-full|inspect-pretty$)/,
  "CA rotation, autolock": /ca-rotate|autolock|locked|unlock-key/,
};

const covered = new Set(
  Object.values(chapters).flatMap((steps) => steps.flatMap((step) => ("golden" in step ? [step.golden] : []))),
);
/** Recorded more than once in other states, with the same calls as one that is run. */
const repeats =
  /containers\/ps-after-rm|nodes\/ls-node-down|join-availability-pause|services\/(rm$|update-image-noop|logs-follow|logs-task)|swarm\/leave-worker$|tasks\/history-limit/;

const cli = await dockerCli(23);

const problem =
  clusterProblem() ?? (cli === undefined ? "needs a docker CLI of 23 or newer: older ones ask otherwise" : undefined);

describe.skipIf(problem)(`the CLI's request sequences are those of a real swarm ${problem ?? ""}`, () => {
  let cluster: Cluster;
  let folder: string;
  let config: string;
  const recorders = new Map<string, CliRecorder>();

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 3 });
    await cluster.importTestImage();
    folder = mkdtempSync(join(tmpdir(), "skep-cli-"));
    config = join(folder, "config");
    for (const { name, paths } of cluster.machines) {
      recorders.set(name, await CliRecorder.start(join(folder, `${name}.sock`), paths.skepSocket));
    }
  });

  afterAll(async () => {
    for (const recorder of recorders.values()) await recorder[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const tokens = async () => (await shell("docker swarm join-token -q worker")).stdout.trim();

  async function ours(command: string): Promise<string> {
    const withAddresses = command.replace(/192\.168\.98\.1(\d)/g, (_, n) => cluster.machine(`node-${n}`).address);
    if (!/SWMTKN-1-\w{50}-/.test(withAddresses)) return withAddresses;
    return withAddresses.replace(/SWMTKN-1-\S+/, await tokens());
  }

  function shell(command: string, on = "node-1") {
    const socket = recorders.get(on)?.socketPath;
    return runCommand(["sh", "-c", command.replace(/^docker /, `${cli} `)], {
      env: { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: config },
      timeoutMs: 90_000,
    });
  }

  async function play(step: Step): Promise<void> {
    if ("run" in step) {
      const { code, stderr } = await shell(step.run.replace(/\{\{/g, "'{{").replace(/\}\}/g, "}}'"), step.on);
      expect({ run: step.run, code, stderr: code === 0 ? "" : stderr }).toEqual({ run: step.run, code: 0, stderr: "" });
      return;
    }
    if ("await" in step) {
      await eventually(async () => expect((await shell(step.await)).stdout).toMatch(step.shows), 60_000);
      return;
    }
    const expected = goldens[step.golden];
    if (expected === undefined) throw new Error(`no golden ${step.golden}`);
    const recorder = recorders.get(step.on ?? "node-1");
    const command = await ours(expected.command);
    recorder?.take();
    const result = await shell(command, step.on);
    const calls = comparable(distinct(recorder?.take() ?? []));
    expect({ golden: step.golden, calls, exit: result.code }, result.stdout + result.stderr).toEqual({
      golden: step.golden,
      calls: comparable(expected.calls),
      exit: expected.exit,
    });
    if (expected.columns) expect(columnsOf(result.stdout)).toEqual(expected.columns);
  }

  for (const [chapter, steps] of Object.entries(chapters)) {
    test(chapter, { timeout: 300_000 }, async () => {
      for (const step of steps) await play(step);
    });
  }

  test("every recorded command is run, repeats one that is, or waits for a named part", () => {
    const open = Object.keys(goldens).filter(
      (name) =>
        !covered.has(name) && !repeats.test(name) && !Object.values(later).some((pattern) => pattern.test(name)),
    );
    expect(open).toEqual([]);
  });
});

/** Whether a listed task's service is gone already is chance; so is which of the polls comes first or is missed. */
const comparable = (calls: readonly string[]): string[] =>
  calls.filter((call) => call !== "GET /services/{id}?insertDefaults=false 404").toSorted();

const columnsOf = (output: string): string[] | undefined =>
  output
    .split("\n")
    .find((line) => /^(ID|CONTAINER ID|NETWORK ID|NAME) {2,}/.test(line))
    ?.trim()
    .split(/ {2,}/);
