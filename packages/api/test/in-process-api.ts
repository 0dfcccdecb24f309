import { readFileSync } from "node:fs";
import { PassThrough, Readable } from "node:stream";
import type { HttpTransport } from "@skep/engine";
import { detachedContext, type NetworkProgress } from "@skep/manager";
import { type LogOptions, type NodeId, silentLogger, systemClock, type Task } from "@skep/model";
import { MemoryStore, type Store } from "@skep/store";
import { errorAnswer } from "../src/error-response.ts";
import { parseGoJson } from "../src/go-json.ts";
import type { MergedRequest, MergedResponse, MergedRoute } from "../src/merged/merged-route.ts";
import { networkRoutes } from "../src/merged/networks.ts";
import type { NodeNetworks } from "../src/node-networks.ts";
import { createRouter, type Router } from "../src/router.ts";
import { clusterRoutes } from "../src/routes/cluster.ts";
import type { InitRequest, JoinSwarmRequest, ManagerAccess, SwarmNode, SwarmStatus } from "../src/swarm-node.ts";

/** A node whose swarm-scoped routes are answered in this process, without a socket. */
export interface InProcessApi {
  readonly store: Store;
  /** What the engine behind it answers to a request for its networks. */
  engineNetworks: readonly object[];
  networks: NodeNetworks | undefined;
  networkProgress: NetworkProgress;
  /** What the routes asked the node to do, in order. */
  readonly asked: string[];
  status: SwarmStatus;
  taskLogs: ManagerAccess["taskLogs"];
  call(method: string, url: string, body?: unknown, options?: CallOptions): Promise<Answer>;
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly apiVersion?: string;
  readonly signal?: AbortSignal;
  /** Sees each piece of a streamed body as it is written. */
  onWrite?(piece: Buffer): void;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, or a stream's bytes. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export function inProcessApi(store: Store = new MemoryStore({ clock: systemClock })): InProcessApi {
  const asked: string[] = [];
  const api: InProcessApi = {
    store,
    engineNetworks: [],
    networks: undefined,
    networkProgress: { revision: 0, nodes: [], networks: [] },
    asked,
    status: { state: "active", role: "manager", nodeId: "unlx4m4cv1lk19qol84jakw9r" as NodeId },
    taskLogs: async () => new PassThrough().end(),
    call: (method, url, body, options = {}) => call(api, router, method, url, body, options),
  };
  const options = { swarm: fakeNode(api), clock: systemClock };
  const router = createRouter<MergedRoute>([
    ...networkRoutes({ ...options, engine: fakeEngine(api) }),
    ...clusterRoutes(options),
  ]);
  return api;
}

function fakeEngine(api: InProcessApi): Pick<HttpTransport, "json" | "text"> {
  return {
    async text(method, path, { body } = {}) {
      api.asked.push(`engine ${method} ${decodeURIComponent(path)} ${JSON.stringify(body)}`);
      return "";
    },
    async json<T>(method: string, path: string): Promise<T> {
      api.asked.push(`engine ${method} ${decodeURIComponent(path)}`);
      return (method === "GET" ? api.engineNetworks : {}) as T; // the test knows what the route expects
    },
  };
}

function fakeNode(api: InProcessApi): SwarmNode {
  const control = detachedContext();
  const access: ManagerAccess = {
    store: api.store,
    control,
    taskLogs: (task: Task, options: LogOptions, signal: AbortSignal) => api.taskLogs(task, options, signal),
    networkProgress: () => api.networkProgress,
    rotateJoinToken: async (role) => void api.asked.push(`rotate ${role} token`),
  };
  return {
    status: () => api.status,
    networks: () => api.networks,
    manager: () => (api.status.state === "active" && api.status.role === "manager" ? access : undefined),
    async init(request: InitRequest) {
      api.asked.push(`init ${JSON.stringify(request)}`);
      return "newnode" as NodeId;
    },
    join: async (request: JoinSwarmRequest) => void api.asked.push(`join ${JSON.stringify(request)}`),
    leave: async (force) => void api.asked.push(`leave${force ? " by force" : ""}`),
  };
}

async function call(
  api: InProcessApi,
  router: Router<MergedRoute>,
  method: string,
  url: string,
  body: unknown,
  options: CallOptions,
): Promise<Answer> {
  const { pathname, searchParams } = new URL(url, "http://in-process");
  const match = router(method, decodeURIComponent(pathname));
  if (!match) return { status: 404, headers: {}, body: { message: "page not found" } };
  try {
    const request = requestOf(method, pathname, match.params, searchParams, body, options);
    return await answerOf(await match.route.handle(request), options);
  } catch (error) {
    const logger = {
      ...silentLogger,
      error: (fields: object) => api.asked.push(`BUG ${String(Object.values(fields)[0])}`),
    };
    const { status, message } = errorAnswer(error, logger);
    return { status, headers: {}, body: { message } };
  }
}

function requestOf(
  method: string,
  path: string,
  params: MergedRequest["params"],
  query: URLSearchParams,
  body: unknown,
  { headers = {}, apiVersion = "1.41", signal = new AbortController().signal }: CallOptions,
): MergedRequest {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  return {
    ...{ method, path, params, query, headers, apiVersion, signal, target: path, body: Readable.from([text]) },
    atLeast: (version) => Number(apiVersion.split(".")[1]) >= Number(version.split(".")[1]),
    json: async () => parseGoJson(text),
  };
}

async function answerOf(response: MergedResponse, { onWrite }: CallOptions): Promise<Answer> {
  if ("passThrough" in response) return { status: 0, headers: {}, body: "passed to the engine" };
  const { status, headers = {} } = response;
  if ("json" in response) return { status, headers, body: JSON.parse(JSON.stringify(response.json)) };
  if (!("stream" in response)) return { status, headers, body: "" };
  const pieces: Buffer[] = [];
  await response.stream(async (piece) => {
    pieces.push(Buffer.from(piece as Uint8Array));
    onWrite?.(Buffer.from(piece as Uint8Array));
  });
  return { status, headers, body: Buffer.concat(pieces) };
}

/** A file of recordings of a real swarm. */
export const recorded = (name: "errors" | "networks" | "objects" | "specs") =>
  JSON.parse(readFileSync(new URL(`../test-data/captures/${name}.json`, import.meta.url), "utf8"));
