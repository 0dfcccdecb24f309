import { DomainError } from "@skep/model";

// Why this node cannot be taken into a swarm or out of one, in the words of moby's `daemon/cluster`.

export const alreadyMember =
  'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';
export const joinGoesOn =
  'Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.';
export const leavesLastManager =
  "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ";

/** An error of listening as Docker words it; any other as it is. */
export function cannotListen(error: unknown, listenAddr: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== "listen" && syscall !== "bind") return error;
  const why = code === "EADDRINUSE" ? "bind: address already in use" : `bind: ${code}`;
  return new DomainError("unavailable", `failed to listen on remote API address: listen tcp ${listenAddr}: ${why}`);
}
