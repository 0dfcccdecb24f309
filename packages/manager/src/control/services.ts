import { randomInt } from "node:crypto";
import {
  type Clock,
  DomainError,
  newId,
  outOfSequence,
  rpcError,
  type Service,
  type ServiceId,
  type ServiceSpec,
  timestamp,
} from "@skep/model";
import type { Reader, Store, Transaction } from "@skep/store";
import { allocateService, releaseAddresses } from "../allocator/index.ts";
import { type ControlContext, detachedContext } from "./context.ts";
import { heldPorts, refuseHeldPorts } from "./held-ports.ts";
import { lookUp } from "./look-up.ts";
import { inventName } from "./names.ts";
import { refuseNotYet } from "./not-yet.ts";
import { refuseMissingNetworks, resolveNetworks } from "./resolve-networks.ts";
import { storedSpec } from "./stored-spec.ts";
import { checkPortConflicts } from "./validate-endpoint.ts";
import { validateService } from "./validate-service.ts";

export interface ServiceUpdate {
  /** Id, name or unique prefix of an id. */
  readonly service: string;
  readonly version: number;
  readonly spec: ServiceSpec;
  /** The `X-Registry-Auth` header; without it the stored credentials stay. */
  readonly registryAuth?: string;
  /** Which stored credentials stay: those of the spec (the default), or of the one before. */
  readonly registryAuthFrom?: string;
  readonly rollback?: string;
}

/** Stores a new service with its virtual addresses and ports; the orchestrators do the rest. Throws Docker's errors in Docker's order. */
export async function createService(
  store: Store,
  sent: ServiceSpec,
  registryAuth?: string,
  context: ControlContext = detachedContext(),
): Promise<ServiceId> {
  const resolved = resolveNetworks(store.view(), sent);
  const spec = storedSpec({ ...resolved, Name: sent.Name || inventName(randomInt) });
  validateService(spec);
  const held = await heldPorts(store.view(), spec, undefined, context);
  const id = newId<"service">();
  await store.update((tx) => {
    checkPortConflicts(spec, tx.all("service"));
    refuseTakenName(tx, spec.Name ?? "");
    refuseNotYet(spec);
    refuseHeldPorts(spec, held);
    refuseMissingNetworks(tx, spec);
    const service: Service = {
      id,
      version: 0,
      createdAt: "",
      updatedAt: "",
      spec,
      specVersion: 1,
      endpoint: {},
      ...(registryAuth && { registryAuth }),
    };
    tx.put("service", allocateService(tx, service, context.ipam, held.isHeld));
  });
  return id;
}

/** Replaces the spec, or with `rollback: "previous"` swaps it with the one before. */
export async function updateService(
  store: Store,
  clock: Clock,
  update: ServiceUpdate,
  context: ControlContext = detachedContext(),
): Promise<void> {
  const resolved = resolveNetworks(store.view(), update.spec);
  const spec = storedSpec({ ...resolved, Name: update.spec.Name || inventName(randomInt) });
  const known = lookUp(store.view(), "service", update.service);
  checkWords(update);
  validateService(spec);
  const held = await heldPorts(store.view(), (update.rollback && known.previousSpec) || spec, known, context);
  const now = timestamp(clock.now());
  await store.update((tx) => {
    const current = lookUp(tx, "service", known.id);
    checkUpdate(tx, current, spec);
    const next = update.rollback ? rolledBack(current, now) : withSpec(current, spec, update);
    if (current.version !== update.version) throw outOfSequence();
    if (update.rollback) checkUpdate(tx, current, next.spec);
    refuseHeldPorts(next.spec, held);
    refuseMissingNetworks(tx, next.spec);
    tx.put("service", allocateService(tx, next, context.ipam, held.isHeld));
  });
}

function checkUpdate(tx: Transaction, current: Service, spec: ServiceSpec): void {
  if (JSON.stringify(spec.EndpointSpec) !== JSON.stringify(current.spec.EndpointSpec)) {
    checkPortConflicts(spec, othersThan(tx, current.id));
  }
  refuseOtherModeOrName(current, spec);
  refuseNotYet(spec);
}

/** Removes the service at once; the orchestrators end its tasks. */
export const removeService = (store: Store, text: string): Promise<void> =>
  store.update((tx) => {
    const { id } = lookUp(tx, "service", text);
    releaseAddresses(tx, id);
    tx.delete("service", id);
  });

function checkWords({ registryAuthFrom = "", rollback = "" }: ServiceUpdate): void {
  if (!["", "spec", "previous-spec"].includes(registryAuthFrom)) {
    throw new DomainError("internal", "unsupported registryAuthFrom value");
  }
  if (!["", "none", "previous"].includes(rollback)) {
    throw new DomainError("invalid-parameter", `unrecognized rollback option ${rollback}`);
  }
}

function refuseTakenName(tx: Reader, name: string): void {
  if (tx.find("service", "name", name.toLowerCase()).length > 0) {
    throw rpcError("AlreadyExists", `name conflicts with an existing object: service ${name} already exists`);
  }
}

function refuseOtherModeOrName(current: Service, spec: ServiceSpec): void {
  const modeOf = ({ Mode: mode = {} }: ServiceSpec) => Object.keys(mode)[0];
  if (modeOf(current.spec) !== modeOf(spec)) throw rpcError("Unimplemented", "service mode change is not allowed");
  if (current.spec.Name !== spec.Name) throw rpcError("Unimplemented", "renaming services is not supported");
}

function* othersThan(tx: Transaction, id: ServiceId): Iterable<Service> {
  for (const service of tx.all("service")) if (service.id !== id) yield service;
}

function withSpec(current: Service, spec: ServiceSpec, update: ServiceUpdate): Service {
  const { updateStatus: _, registryAuth: old, previousRegistryAuth: before, ...kept } = current;
  const auth = update.registryAuth || (update.registryAuthFrom === "previous-spec" ? before : old);
  return {
    ...kept,
    spec,
    specVersion: current.specVersion + 1,
    previousSpec: current.spec,
    ...(auth && { registryAuth: auth }),
    ...(old && { previousRegistryAuth: old }),
  };
}

/** A second rollback goes forward again, as the two specs change places. */
function rolledBack(current: Service, now: string): Service {
  const { previousSpec, registryAuth, previousRegistryAuth, ...kept } = current;
  if (!previousSpec) throw rpcError("FailedPrecondition", `service ${current.id} does not have a previous spec`);
  return {
    ...kept,
    spec: previousSpec,
    specVersion: current.specVersion + 1,
    previousSpec: current.spec,
    updateStatus: { state: "rollback_started", startedAt: now, message: "manually requested rollback" },
    ...(previousRegistryAuth && { registryAuth: previousRegistryAuth }),
    ...(registryAuth && { previousRegistryAuth: registryAuth }),
  };
}
