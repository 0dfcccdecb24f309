import type { Clock, Logger } from "@skep/model";
import type { CertificateStore } from "../../certificates/index.ts";
import type { Rendered } from "../../render/rendered.ts";
import type { ProxyService, WireOptions } from "../../service/index.ts";
import type { ControlSettings } from "../../settings/index.ts";
import type { Controller } from "../controller.ts";
import type { RouteFeed } from "../route-feed.ts";
import type { ApiRequest } from "./request.ts";

/** What the routes of the control API are made of. */
export interface ApiParts {
  readonly controller: Controller;
  readonly feed: RouteFeed;
  readonly settings: ControlSettings;
  readonly nameStyle: "2016" | "2019";
  /** The service that a `reconfigure` asks for. Throws ParameterError. */
  readonly parse: (query: URLSearchParams) => ProxyService;
  /** Whether a host has an address, where the operator wants that to be asked (`SKIP_ADDRESS_VALIDATION=false`). */
  readonly resolves: (host: string) => Promise<boolean>;
  /** HAProxy's own words about a config; undefined when it would load it. */
  readonly check: (rendered: Rendered) => Promise<string | undefined>;
  readonly replicas: Replicas;
  /** `put` resolves when HAProxy serves the certificate, `remove` when it does no more. */
  readonly certificates: Pick<CertificateStore, "folder" | "files" | "put" | "remove">;
  /** Asks the swarm listeners to send every service again; throws a DomainError. */
  readonly notifyListeners: () => Promise<void>;
  /** Whether every source has told of its services once. */
  readonly hasBeenFilled: () => boolean;
  /** HAProxy's statistics as CSV, and everything as Prometheus reads it. */
  readonly statistics: {
    csv(): Promise<string>;
    prometheus(): Promise<string>;
    summary(): Promise<unknown>;
    /** A request to change a service was answered with this status. */
    count(status: number): void;
  };
  readonly configPath: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The other proxies that do the same. */
export interface Replicas {
  /** Sets the route that came by HTTP for all of them, or removes it. Throws a DomainError when some may not have it. */
  share(serviceName: string, query: string | undefined, request: ApiRequest): Promise<void>;
  /** The same where the swarm keeps it, without telling the others. Throws a DomainError. */
  keep(serviceName: string, query: string | undefined): Promise<void>;
  /** Repeats the request at all others; their answers. Throws a DomainError. */
  repeat(request: ApiRequest, body?: Buffer): Promise<readonly string[]>;
  /** Whether this is the address of one of them. */
  includes(address: string): Promise<boolean>;
}

export const wireOptions = ({ settings, nameStyle }: ApiParts): WireOptions => ({
  redact: settings.redact,
  mode: settings.mode,
  nameStyle,
});
