import { randomBytes } from "node:crypto";

declare const kind: unique symbol;

/** An object's id. The kind exists for the type checker only. */
export type Id<Kind extends string> = string & { readonly [kind]: Kind };

export type ClusterId = Id<"cluster">;
export type NodeId = Id<"node">;
export type ServiceId = Id<"service">;
export type TaskId = Id<"task">;
export type NetworkId = Id<"network">;
export type AddressId = Id<"address">;
export type SecretId = Id<"secret">;
export type ConfigId = Id<"config">;

/** A fresh id: 25 characters of base36, as swarmkit's `identity/randomid.go` makes them. */
export function newId<Kind extends string>(): Id<Kind> {
  const bytes = randomBytes(17);
  bytes.writeUInt8(bytes.readUInt8(0) | 0x80, 0); // the top bit set makes it 27 digits, always
  return BigInt(`0x${bytes.toString("hex")}`)
    .toString(36)
    .slice(1, 26) as Id<Kind>;
}
