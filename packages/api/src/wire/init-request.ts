import { isIP } from "node:net";
import { defaultClusterSpec, isAvailability, notYet, unimplemented } from "@skep/manager";
import { type Availability, type ClusterSpec, DomainError } from "@skep/model";
import type { InitRequest } from "../swarm-node.ts";
import { clusterSpec } from "./cluster-spec.ts";
import { decode, flag, integer, struct, text, texts } from "./schema.ts";

interface InitBody {
  readonly ListenAddr?: string;
  readonly AdvertiseAddr?: string;
  readonly DataPathAddr?: string;
  readonly DataPathPort?: number;
  readonly ForceNewCluster?: boolean;
  readonly Spec?: ClusterSpec;
  readonly AutoLockManagers?: boolean;
  readonly Availability?: string;
  readonly DefaultAddrPool?: readonly string[];
  readonly SubnetSize?: number;
}

const initBody = struct<InitBody>("InitRequest", {
  ListenAddr: text,
  AdvertiseAddr: text,
  DataPathAddr: text,
  DataPathPort: integer("uint32"),
  ForceNewCluster: flag,
  Spec: clusterSpec,
  AutoLockManagers: flag,
  Availability: text,
  DefaultAddrPool: texts,
  SubnetSize: integer("uint32"),
});

export const parseInitBody = (body: unknown): InitBody => decode(initBody, body, "swarm.InitRequest");

/** The request with its defaults, all of it checked that can be checked without touching the node (`swarm-api.md` 3.1). */
export function checkedInitRequest(body: InitBody): InitRequest {
  const listenAddr = checkedListenAddr(body.ListenAddr);
  const spec = defaultClusterSpec(body.Spec ?? {});
  if (body.AutoLockManagers) throw unimplemented(notYet.autolock);
  if (body.ForceNewCluster) throw unimplemented(notYet.forceNewCluster);
  const subnetSize = body.SubnetSize ?? 24;
  return {
    listenAddr,
    advertiseAddr: body.AdvertiseAddr ?? "",
    dataPathAddr: body.DataPathAddr ?? "",
    dataPathPort: checkedDataPathPort(body.DataPathPort),
    defaultAddrPool: checkedPools(body.DefaultAddrPool ?? [], subnetSize),
    subnetSize,
    forceNewCluster: false,
    availability: checkedAvailability(body.Availability),
    spec,
  };
}

export function checkedListenAddr(listenAddr = ""): string {
  if (listenAddr !== "") return listenAddr;
  throw new DomainError("invalid-parameter", 'invalid ListenAddr "": invalid empty address');
}

export function checkedAvailability(sent = ""): Availability {
  const availability = sent.toLowerCase() || "active";
  if (isAvailability(availability)) return availability;
  throw new DomainError("invalid-parameter", `invalid Availability: ${JSON.stringify(sent)}`);
}

// Docker answers 500 to the following three.
const internal = (message: string) => new DomainError("internal", message);

function checkedDataPathPort(port = 4789): number {
  if (port >= 1024 && port <= 49151) return port;
  throw internal(`Datapath port number is not in valid range (1024-49151) : ${port}`);
}

/** Smaller subnets than /29 leave no address for tasks. */
function checkedPools(pools: readonly string[], subnetSize: number): readonly string[] {
  if (subnetSize > 29) throw internal(`subnet size is out of range: ${subnetSize}`);
  return pools.map((sent) => {
    const pool = sent.trim();
    const bits = prefixLength(pool);
    if (bits === undefined) throw internal(`invalid base pool ${pool}: invalid CIDR address: ${pool}`);
    if (subnetSize < bits) {
      throw internal(`invalid CIDR: ${JSON.stringify(pool)}. Subnet size is too small for pool: ${subnetSize}`);
    }
    return pool;
  });
}

function prefixLength(cidr: string): number | undefined {
  const [address = "", bits = "", ...rest] = cidr.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return undefined;
  return Number(bits) <= (family === 4 ? 32 : 128) ? Number(bits) : undefined;
}
