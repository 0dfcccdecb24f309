import { expect, test } from "vitest";
import { inProcessApi, recorded } from "../../test/in-process-api.ts";
import { addressOf, networkOfTask, putRecordedSwarm, taskOf } from "../../test/recorded-swarm.ts";

interface RecordedError {
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly body?: unknown;
  readonly status: number;
  readonly message?: string;
}

/** Recordings that cannot be replayed here, and why. */
const notHere: Readonly<Record<string, string>> = {
  "init-bad-advertise": "the node resolves addresses, not the route",
  "join-bad-digest": "asks the manager",
  "join-bad-secret": "asks the manager",
  "join-no-listener": "asks the manager",
  "join-old-token": "asks the manager",
  "locked-services": "autolock is not available yet",
  "unlock-bad-format": "autolock is not available yet",
  "unlock-wrong-key": "autolock is not available yet",
  "no-quorum-service-create": "needs several managers",
  "no-quorum-services": "needs several managers",
  "network-overlapping-subnet": "is refused: Docker takes it and then never allocates it",
  "network-rm-predefined": "the engine answers",
  "network-rm-unknown": "the engine answers",
  "network-unknown": "the engine answers",
  "noswarm-network-create-overlay": "503, as newer engines",
  "service-unknown-config": "configs are not available yet: 501",
  "service-unknown-secret": "secrets are not available yet: 501",
};

/** What a recording needs besides the recorded swarm. */
async function setUp(name: string) {
  const api = inProcessApi();
  await putRecordedSwarm(api.store);
  if (/^(noswarm|leave-again|init-(?!already)|join-(?!already))/.test(name)) api.status = { state: "inactive" };
  if (name.startsWith("worker-")) api.status = { state: "active", role: "worker" };
  if (/^service-(bad-publishmode|rollback-action-rollback|job-restart-any)$/.test(name)) {
    await api.call("POST", "/services/create", { Name: "e1", TaskTemplate: { ContainerSpec: { Image: "alpine" } } });
  }
  if (name === "network-rm-in-use-by-container") {
    const { attachmentTask } = recorded("networks");
    await api.store.update((tx) => {
      for (const attachment of attachmentTask.NetworksAttachments) tx.put("network", networkOfTask(attachment));
      const task = taskOf(attachmentTask);
      tx.put("task", task);
      for (const { networkId, address = "" } of task.networks ?? [])
        tx.put("address", addressOf(task.id, networkId, address));
    });
  }
  return api;
}

/** Versions were another counter's then: a version that was current becomes the one that is. */
async function withCurrentVersion(
  api: Awaited<ReturnType<typeof setUp>>,
  { url, status }: RecordedError,
): Promise<string> {
  const [path] = url.split("/update?");
  if (!/version=\d{2,}/.test(url) || status === 404) return url;
  const { body } = await api.call("GET", `${path}`);
  return url.replace(/version=\d+/, `version=${body.Version?.Index}`);
}

const cases: readonly RecordedError[] = recorded("errors");

test.for(cases.filter(({ name }) => !(name in notHere)).map((recording) => [recording.name, recording] as const))(
  "answers as Docker did: %s",
  async ([name, recording]) => {
    const api = await setUp(name);
    const url = await withCurrentVersion(api, recording);
    const { status, body } = await api.call(recording.method, url, recording.body);
    expect({ status, message: body.message }).toEqual({ status: recording.status, message: recording.message });
  },
);

test("every recording that is left out is one there is", () => {
  const names = cases.map(({ name }) => name);
  expect(Object.keys(notHere).filter((name) => !names.includes(name))).toEqual([]);
});
