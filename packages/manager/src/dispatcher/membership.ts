import { timingSafeEqual } from "node:crypto";
import {
  type CertificateResponse,
  type Clock,
  DomainError,
  type Node,
  type NodeId,
  type NodeRole,
  type NodeSpec,
  newId,
  rpcError,
  timestamp,
} from "@skep/model";
import type { Reader, Store } from "@skep/store";
import { claimDataPath, ipv4Of } from "../allocator/data-path.ts";
import { certificateExpiryMs, issueCertificate } from "../ca/issue-certificate.ts";
import { clusterOf } from "./authorize.ts";

const availabilities: readonly unknown[] = ["active", "pause", "drain"] satisfies NodeSpec["Availability"][];

/**
 * Makes a node of whoever knows a join token. The certificate is issued before the node is stored: a request that is
 * no good leaves no trace.
 */
export async function admitNode(
  store: Store,
  clock: Clock,
  request: Readonly<Record<string, unknown>>,
  callerAddr: string,
): Promise<CertificateResponse> {
  const role = roleGranted(store.view(), request.token);
  if (role === "manager")
    throw new DomainError(
      "not-implemented",
      "joining as a second manager is not available yet in this version of skep: join as a worker, with the token of `docker swarm join-token worker`",
    );
  const nodeId = newId<"node">();
  const response = await certify(store.view(), clock, nodeId, role, request.csrPem);
  const addr = hostOf(request.advertiseAddr) ?? callerAddr;
  const dataPathAddress = dataPathAddressOf(request.dataPathAddr, addr, callerAddr);
  await store.update((tx) => {
    roleGranted(tx, request.token);
    tx.put("node", {
      ...newNode(clock, nodeId, { Role: role, Availability: availabilityOf(request) }, addr),
      dataPath: claimDataPath(tx.all("node"), dataPathAddress),
    });
  });
  return response;
}

/** A certificate for a node there is, with the role its spec has now. */
export const renewCertificate = (
  store: Store,
  clock: Clock,
  node: Node,
  request: Readonly<Record<string, unknown>>,
): Promise<CertificateResponse> => certify(store.view(), clock, node.id, node.spec.Role, request.csrPem);

/** Which role the token grants; throws swarmkit's words when none. Rotated tokens are as good as wrong ones. */
function roleGranted(reader: Reader, token: unknown): NodeRole {
  const { worker, manager } = clusterOf(reader).joinTokens;
  const isWorker = sameSecret(token, worker);
  const isManager = sameSecret(token, manager);
  if (isWorker) return "worker";
  if (isManager) return "manager";
  throw rpcError("InvalidArgument", "A valid join token is necessary to join this cluster");
}

/** Takes the same time wherever the first difference is. */
function sameSecret(given: unknown, secret: string): boolean {
  const expected = Buffer.from(secret);
  const actual = Buffer.from(typeof given === "string" ? given : "");
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

async function certify(
  reader: Reader,
  clock: Clock,
  nodeId: NodeId,
  role: NodeRole,
  csrPem: unknown,
): Promise<CertificateResponse> {
  const { id: clusterId, rootCa, spec } = clusterOf(reader);
  const certPem = await issueCertificate({
    csrPem: typeof csrPem === "string" ? csrPem : "",
    rootCa,
    nodeId,
    role,
    clusterId,
    expiryMs: certificateExpiryMs(spec),
    clock,
  });
  return { nodeId, clusterId, role, certPem, rootCaPem: rootCa.certPem };
}

function newNode(clock: Clock, id: NodeId, spec: NodeSpec, addr: string): Node {
  const now = timestamp(clock.now());
  return {
    id,
    version: 0,
    createdAt: now,
    updatedAt: now,
    spec: { Labels: {}, ...spec },
    status: { state: "unknown", addr, since: now },
  };
}

function availabilityOf({ availability = "active" }: Readonly<Record<string, unknown>>): NodeSpec["Availability"] {
  if (!availabilities.includes(availability))
    throw rpcError("InvalidArgument", `invalid Availability: "${String(availability)}"`);
  return availability as NodeSpec["Availability"];
}

/** What the node says, else what it advertises, else where it calls from; overlays are IPv4 only. */
function dataPathAddressOf(told: unknown, ...others: readonly string[]): string {
  const candidates = typeof told === "string" && told !== "" ? [told] : others;
  const found = candidates.flatMap((candidate) => ipv4Of(candidate) ?? [])[0];
  if (found) return found;
  throw rpcError(
    "InvalidArgument",
    `data path address ${candidates[0]} is not an IPv4 address, which overlay networks need: give one with --data-path-addr`,
  );
}

/** Of `host` or `host:port`, `[v6]:port` too; undefined when empty. */
function hostOf(address: unknown): string | undefined {
  if (typeof address !== "string" || address === "") return undefined;
  const [, host] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(address)?.filter((part) => part !== undefined) ?? [];
  return host ?? address;
}
