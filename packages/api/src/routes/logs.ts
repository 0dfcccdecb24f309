import { lookUp } from "@skep/manager";
import { DomainError, isTerminal, type LogOptions, type Service, type Task } from "@skep/model";
import { requireManager } from "../require-manager.ts";
import type { ApiRequest, ApiResponse, Route } from "../router.ts";
import { type LogSelection, sendLogs } from "../streams/service-logs.ts";
import type { ManagerAccess } from "../swarm-node.ts";
import { lenientFlag } from "../wire/query.ts";
import type { ClusterRouteOptions } from "./cluster.ts";

/** `swarm-api.md` section 9. */
export const logRoutes = ({ swarm }: ClusterRouteOptions): readonly Route[] => [
  {
    method: "GET",
    path: "/services/{id}/logs",
    handle(request) {
      const options = logOptions(request);
      const manager = requireManager(swarm);
      const service = lookUp(manager.store.view(), "service", request.params.id ?? "");
      return answer(request, manager, ofService(manager, service, options));
    },
  },
  {
    method: "GET",
    path: "/tasks/{id}/logs",
    handle(request) {
      const options = logOptions(request);
      const manager = requireManager(swarm);
      const task = lookUp(manager.store.view(), "task", request.params.id ?? "");
      return answer(request, manager, ofTask(manager, task, options));
    },
  },
];

const ofService = ({ store }: ManagerAccess, { id, spec }: Service, options: LogOptions): LogSelection => ({
  tasks: () => store.view().find("task", "service", id),
  mayGrow: () => store.view().get("service", id) !== undefined,
  tty: spec.TaskTemplate.ContainerSpec?.TTY ?? false,
  options,
});

function ofTask({ store }: ManagerAccess, { id, spec }: Task, options: LogOptions): LogSelection {
  const current = () => store.view().get("task", id);
  return {
    tasks: () => [current()].filter((task) => task !== undefined),
    mayGrow() {
      const task = current();
      return task !== undefined && !task.status.container && !isTerminal(task.status.state);
    },
    tty: spec.ContainerSpec?.TTY ?? false,
    options,
  };
}

/** The content type came with API 1.42. */
function answer(request: ApiRequest, manager: ManagerAccess, selection: LogSelection): ApiResponse {
  const type = selection.tty ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream";
  return {
    status: 200,
    headers: request.atLeast("1.42") ? { "Content-Type": type } : {},
    stream: (write) => sendLogs(manager, selection, write, request.signal),
  };
}

function logOptions({ query, atLeast }: ApiRequest): LogOptions {
  const [stdout, stderr] = [lenientFlag(query, "stdout"), lenientFlag(query, "stderr")];
  if (!stdout && !stderr) {
    throw atLeast("1.42")
      ? new DomainError("invalid-parameter", "must specify at least one of 'stdout' or 'stderr'")
      : new DomainError("internal", "Bad parameters: you must choose at least one stream");
  }
  const { since, until } = { since: query.get("since"), until: query.get("until") };
  return {
    stdout,
    stderr,
    follow: lenientFlag(query, "follow"),
    timestamps: lenientFlag(query, "timestamps"),
    details: lenientFlag(query, "details"),
    tail: checkedTail(query.get("tail")),
    ...(since && { since: checkedTime("since", since) }),
    ...(until && { until: checkedTime("until", until) }),
  };
}

const invalid = (message: string) => new DomainError("invalid-parameter", message);

function checkedTail(tail: string | null): string {
  if (tail === null || tail === "" || tail === "all") return "all";
  if (/^\d{1,15}$/.test(tail)) return tail;
  throw invalid(
    /^-\d+$/.test(tail) ? "negative tail values not supported" : 'tail value must be a positive integer or "all"',
  );
}

/** Unix seconds; clients turn what the user typed into these. */
function checkedTime(name: string, time: string): string {
  if (/^-?\d{1,15}(\.\d{1,9})?$/.test(time)) return time;
  throw invalid(`could not parse ${name} timestamp: ${JSON.stringify(time)} is not a number of seconds`);
}
