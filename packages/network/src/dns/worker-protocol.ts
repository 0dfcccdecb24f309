import type { DnsClient, DnsPorts, Zone } from "./dns-server.ts";
import type { ZoneChange } from "./zone-change.ts";

/** What the thread is asked; a run of them may be repeated without doing more than once. */
export type WorkerRequest =
  | { readonly do: "put-zone"; readonly zone: Zone }
  | { readonly do: "change-zone"; readonly change: ZoneChange }
  | { readonly do: "remove-zone"; readonly networkId: string }
  | { readonly do: "open"; readonly client: DnsClient }
  | { readonly do: "close"; readonly containerId: string }
  | { readonly do: "set-upstreams"; readonly servers: readonly string[] };

export interface NumberedRequest {
  readonly number: number;
  readonly request: WorkerRequest;
}

export type WorkerMessage =
  | { readonly is: "done"; readonly number: number; readonly ports?: DnsPorts }
  | { readonly is: "failed"; readonly number: number; readonly error: Error }
  /** Something that concerns one container only. */
  | { readonly is: "problem"; readonly containerId: string; readonly error: Error };
