import { type Cluster, type ClusterSpec, type ManagerMessage, millisecondsOf, type Node } from "@skep/model";
import type { Reader } from "@skep/store";

type SessionMessage = Extract<ManagerMessage, { type: "session" }>;

/** skep's own default: Docker's is 5 s, which makes it notice a dead node after 15 s only. */
const defaultHeartbeatPeriodMs = 1000;

export const heartbeatPeriodMs = (spec: ClusterSpec): number =>
  millisecondsOf(spec.Dispatcher?.HeartbeatPeriod ?? 0) || defaultHeartbeatPeriodMs;

/** Where agents may connect to. */
export const managersOf = (reader: Reader): SessionMessage["managers"] =>
  reader
    .find("node", "role", "manager")
    .flatMap(({ id, manager }) => (manager ? [{ nodeId: id, addr: manager.addr }] : []));

/** As Docker has it. */
const defaultDataPathPort = 4789;

export function sessionMessage(
  node: Node,
  { spec, dataPathPort }: Pick<Cluster, "spec" | "dataPathPort">,
  managers: SessionMessage["managers"],
): SessionMessage {
  const logDriver = spec.TaskDefaults?.LogDriver;
  return {
    type: "session",
    node: { id: node.id, spec: node.spec },
    heartbeatPeriodMs: heartbeatPeriodMs(spec),
    managers,
    dataPathPort: dataPathPort || defaultDataPathPort,
    ...(logDriver && { logDriver }),
  };
}
