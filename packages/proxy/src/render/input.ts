import type { Destination, ProxyService } from "../service/service.ts";
import type { RenderSettings } from "./settings.ts";

/** All that haproxy.cfg is made of; the same input gives the same text, whatever the order of `services` and `tasks`. */
export interface RenderInput {
  readonly settings: RenderSettings;
  readonly services: readonly RenderedService[];
  /** IPv4 addresses of the running tasks, by `serviceName`. Services without tasks may be missing. */
  readonly tasks: ReadonlyMap<string, readonly string[]>;
  /** Names of `tasks` that had tasks and have none any more: their requests are refused at once. */
  readonly idle?: ReadonlySet<string>;
  /** Absolute paths; the first is the default certificate. */
  readonly certificates: readonly string[];
  /** Parts of the config that a service brings itself, rendered, by `serviceName`. */
  readonly snippets: ReadonlyMap<string, ServiceSnippets>;
  readonly userSnippets: UserSnippets;
  readonly paths: RenderPaths;
  /** Told by `show env DF_GENERATION`: which render a worker runs. */
  readonly generation: number;
  /** `10.0.0.2:53`: take the place of the settings' `nameserver` lines, unless there are none. */
  readonly nameservers: readonly string[];
}

/** Absolute; HAProxy's config, pid file, sockets and state are not shared with another HAProxy. */
export interface RenderPaths {
  readonly pidFile: string;
  /** The workers' socket. */
  readonly adminSocket: string;
  /** What `show servers state` said before the last reload. */
  readonly stateFile: string;
  /** Folder of the route maps. */
  readonly maps: string;
  readonly crtList: string;
  /** Folder of `503.http` and the others of `errorCodes`, all of them; undefined for HAProxy's own pages. */
  readonly errorFiles: string | undefined;
}

/** What takes the place of a service's built-in rules in `frontend services`, and of its backends. */
export interface ServiceSnippets {
  readonly frontend?: string;
  readonly backend?: string;
}

/** Files of the templates' folder that belong to no service. */
export interface UserSnippets {
  readonly frontend: readonly UserSnippet[];
  readonly backend: readonly UserSnippet[];
}

export interface UserSnippet {
  /** The file's name, `custom-fe.cfg`; also what `blame` calls it. */
  readonly name: string;
  readonly text: string;
}

export type RenderedService = ProxyService & { readonly destinations: readonly LimitedDestination[] };
export type LimitedDestination = Destination & DestinationLimits;

/** Who may use a destination, and how much at a time; absent for no limit. */
export interface DestinationLimits {
  /** Requests (connections in tcp mode) that one server works on at a time; others wait for `timeout queue`. */
  readonly maxConn?: number;
  /** Subnets; requests from elsewhere are refused with 403. */
  readonly allowedSrc?: readonly string[];
  /** Subnets whose requests are refused with 403. */
  readonly deniedSrc?: readonly string[];
}
