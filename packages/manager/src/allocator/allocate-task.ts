import {
  bare,
  engineNetworkOf,
  type NetworkAttachment,
  type NetworkAttachmentConfig,
  type Service,
  type Task,
  timestamp,
} from "@skep/model";
import type { Transaction } from "@skep/store";
import { endpointProblem } from "./allocate-service.ts";
import { claimAddress } from "./claim-address.ts";
import type { Ipam } from "./ipam.ts";
import { findNetwork, ingressNetwork, usesIngress } from "./networks-of.ts";

/**
 * A new task with its addresses, on its way to the scheduler; or, when something of it is not to be had, still new, with
 * the reason. Whatever its service lacks it waits for too.
 */
export function allocateTask(tx: Transaction, task: Task, service: Service | undefined, ipam: Ipam, now: number): Task {
  const isCurrent = service?.specVersion === task.specVersion;
  const problem = isCurrent && service ? endpointProblem(tx, service) : undefined;
  const result = problem === undefined ? attach(tx, task, ipam) : { problem };
  if ("problem" in result) {
    return { ...task, status: { ...task.status, state: "new", message: "created", err: result.problem } };
  }
  const { err: _, ...status } = task.status;
  return {
    ...task,
    ...(result.networks.length > 0 && { networks: result.networks }),
    status: { ...status, state: "pending", timestamp: timestamp(now), message: "pending task scheduling" },
  };
}

type Result = { readonly networks: readonly NetworkAttachment[] } | { readonly problem: string };

/** On all its networks, or on none: what was taken before the first failure is given back. */
function attach(tx: Transaction, task: Task, ipam: Ipam): Result {
  const networks: NetworkAttachment[] = [];
  for (const config of configsOf(tx, task)) {
    const result = attachTo(tx, task, config, ipam);
    if ("problem" in result) {
      giveBack(tx, networks, ipam);
      return result;
    }
    networks.push(result);
  }
  return { networks };
}

/** The ingress network first, the others in the order of the spec. */
function* configsOf(tx: Transaction, { spec, endpointSpec }: Task): Generator<NetworkAttachmentConfig> {
  if (usesIngress(endpointSpec)) yield { Target: ingressNetwork(tx)?.id ?? "ingress" };
  yield* spec.Networks ?? [];
}

function attachTo(
  tx: Transaction,
  task: Task,
  { Target: target = "", Aliases: aliases = [] }: NetworkAttachmentConfig,
  ipam: Ipam,
): NetworkAttachment | { readonly problem: string } {
  const network = findNetwork(tx, target);
  if (!network) return { problem: `network ${target} not found` };
  if (engineNetworkOf(network.id)) return { networkId: network.id, aliases };
  const claim = claimAddress(tx, network, { kind: "task", id: task.id }, ipam);
  return "problem" in claim ? claim : { networkId: network.id, address: claim.address, aliases };
}

/** Nobody has seen them yet, so they are as if they had never been taken. */
function giveBack(tx: Transaction, networks: readonly NetworkAttachment[], ipam: Ipam): void {
  for (const { networkId, address } of networks) {
    if (!address) continue;
    tx.delete("address", `${networkId}/${bare(address)}`);
    ipam.forgetFull(tx, networkId);
  }
}
