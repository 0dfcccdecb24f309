import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterId, NodeId, NodeRole } from "@skep/model";
import { removeFileDurably, writeFileAtomically } from "./data-root.ts";

/** What a node must remember to come back into its swarm by itself. One file, so that it is never half written. */
export interface Membership {
  readonly nodeId: NodeId;
  readonly clusterId: ClusterId;
  readonly role: NodeRole;
  /** Where a manager's dispatcher listens, `address:port`. */
  readonly listenAddr: string;
  /** Where other nodes reach this one, `address:port`. */
  readonly advertiseAddr: string;
  readonly dataPathAddr: string;
  /** UDP port of the overlays; told by the first session. */
  readonly dataPathPort?: number;
  readonly managers: readonly { readonly nodeId: NodeId; readonly addr: string }[];
  readonly certPem: string;
  readonly keyPem: string;
  readonly rootCaPem: string;
  /** Set before a leave begins, so that a crash half way is finished at the next start. */
  readonly leaving?: boolean;
}

/** The membership file of a data root. */
export class MembershipFile {
  readonly #path: string;

  constructor(dataRoot: string) {
    this.#path = join(dataRoot, "swarm", "membership.json");
  }

  /** Undefined when this node is in no swarm. Throws when the file cannot be read: guessing would lose a node. */
  read(): Membership | undefined {
    if (!existsSync(this.#path)) return undefined;
    try {
      return JSON.parse(readFileSync(this.#path, "utf8"));
    } catch (error) {
      throw new Error(
        `${this.#path} cannot be read (${(error as Error).message}): restore it, or remove it and join the swarm again`,
      );
    }
  }

  write(membership: Membership): void {
    writeFileAtomically(this.#path, `${JSON.stringify(membership, undefined, 2)}\n`);
  }

  remove(): void {
    if (existsSync(this.#path)) removeFileDurably(this.#path);
  }
}
