import { DomainError, parseJoinToken } from "@skep/model";
import type { JoinSwarmRequest } from "../swarm-node.ts";
import { checkedAvailability, checkedListenAddr } from "./init-request.ts";
import { decode, struct, text, texts } from "./schema.ts";

interface JoinBody {
  readonly ListenAddr?: string;
  readonly AdvertiseAddr?: string;
  readonly DataPathAddr?: string;
  readonly RemoteAddrs?: readonly string[];
  readonly JoinToken?: string;
  readonly Availability?: string;
}

const joinBody = struct<JoinBody>("JoinRequest", {
  ListenAddr: text,
  AdvertiseAddr: text,
  DataPathAddr: text,
  RemoteAddrs: texts,
  JoinToken: text,
  Availability: text,
});

export const parseJoinBody = (body: unknown): JoinBody => decode(joinBody, body, "swarm.JoinRequest");

/** Checked as far as it can be without asking the manager (`swarm-api.md` 3.2). */
export function checkedJoinRequest(body: JoinBody): JoinSwarmRequest {
  const { RemoteAddrs: remoteAddrs = [], JoinToken: joinToken = "" } = body;
  const listenAddr = checkedListenAddr(body.ListenAddr);
  if (remoteAddrs.length === 0) {
    throw new DomainError("invalid-parameter", "at least 1 RemoteAddr is required to join");
  }
  const availability = checkedAvailability(body.Availability);
  parseJoinToken(joinToken);
  return {
    listenAddr,
    advertiseAddr: body.AdvertiseAddr ?? "",
    dataPathAddr: body.DataPathAddr ?? "",
    remoteAddrs,
    joinToken,
    availability,
  };
}
