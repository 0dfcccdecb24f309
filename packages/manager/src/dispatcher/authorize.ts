import type { ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import { type Cluster, DomainError, type Node } from "@skep/model";
import type { Reader } from "@skep/store";
import { identityOf, type NodeIdentity } from "../ca/node-identity.ts";

/** The one cluster object. There is always one while a manager runs. */
export function clusterOf(reader: Reader): Cluster {
  const [cluster] = reader.all("cluster");
  if (!cluster) throw new DomainError("unavailable", "this manager has no cluster yet");
  return cluster;
}

/**
 * Who is calling, by the certificate of the connection. Throws `unauthorized` without one that our CA signed, and
 * `forbidden` for a node that is not of this cluster or no longer.
 */
export function authorize(stream: ServerHttp2Stream, reader: Reader): NodeIdentity & { readonly node: Node } {
  const identity = identityOfPeer(stream);
  const cluster = clusterOf(reader);
  if (identity.clusterId !== cluster.id)
    throw new DomainError("forbidden", `the certificate is of swarm ${identity.clusterId}, this is ${cluster.id}`);
  const node = reader.get("node", identity.nodeId);
  if (cluster.blockedNodes[identity.nodeId] !== undefined || !node)
    throw new DomainError("forbidden", `node ${identity.nodeId} was removed from the swarm`);
  return { ...identity, node };
}

function identityOfPeer(stream: ServerHttp2Stream): NodeIdentity {
  const socket = stream.session?.socket as TLSSocket | undefined;
  const certificate = socket?.authorized ? socket.getPeerX509Certificate() : undefined;
  const identity = certificate && identityOf(certificate);
  if (!identity) throw new DomainError("unauthorized", "a certificate of this swarm is needed");
  return identity;
}

/** The caller's address without port, IPv4 in its own form also when it came through an IPv6 socket. */
export const addressOf = (stream: ServerHttp2Stream): string =>
  (stream.session?.socket?.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, "");
