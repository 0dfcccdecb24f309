import { BlockList, isIP } from "node:net";
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

const invalid = (message: string) => new DomainError("invalid-parameter", message);
// Docker answers 500 to what is wrong with the following three.
const internal = (message: string) => new DomainError("internal", message);

function checkedDataPathPort(port = 4789): number {
  if (port >= 1024 && port <= 49151) return port;
  throw internal(`Datapath port number is not in valid range (1024-49151) : ${port}`);
}

/** Smaller subnets than /29 leave no address for tasks. */
function checkedPools(pools: readonly string[], subnetSize: number): readonly string[] {
  if (subnetSize > 29) throw internal(`subnet size is out of range: ${subnetSize}`);
  const trimmed = pools.map((pool) => pool.trim());
  const ranges = (trimmed.length > 0 ? trimmed : [builtInPool]).map((pool) => checkedPool(pool, subnetSize));
  refuseOverlaps(ranges);
  return trimmed;
}

/** What subnets are cut from when no pool is given. */
const builtInPool = "10.0.0.0/8";

function checkedPool(pool: string, subnetSize: number): Pool {
  const [address = "", bits = "", ...rest] = pool.split("/");
  const family = isIP(address);
  const longest = family === 4 ? 32 : 128;
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > longest) {
    throw internal(`invalid base pool ${pool}: invalid CIDR address: ${pool}`);
  }
  if (family === 6) throw internal(`invalid base pool ${pool}: networks of the swarm have IPv4 addresses`);
  if (subnetSize < Number(bits)) {
    throw internal(`invalid CIDR: ${JSON.stringify(pool)}. Subnet size is too small for pool: ${subnetSize}`);
  }
  return { pool, list: poolOf(address, Number(bits)) };
}

interface Pool {
  readonly pool: string;
  readonly list: BlockList;
}

function poolOf(address: string, bits: number): BlockList {
  const list = new BlockList();
  list.addSubnet(address, bits);
  return list;
}

/** Docker takes pools that overlap, and gives the same subnet out twice. */
function refuseOverlaps(pools: readonly Pool[]): void {
  for (const [at, { pool, list }] of pools.entries()) {
    for (const other of pools.slice(at + 1)) {
      const overlap = list.check(addressOf(other.pool)) || other.list.check(addressOf(pool));
      if (overlap) throw invalid(`invalid base pool ${other.pool}: it overlaps with base pool ${pool}`);
    }
  }
}

/** Of two subnets one holds the other's every address, or none. */
const addressOf = (pool: string): string => pool.split("/")[0] ?? "";
