/** A whole configuration of HAProxy, as text, before anything is written. */
export interface Rendered {
  /** haproxy.cfg; ends with a newline. Names the files below by `paths` of its input. */
  readonly config: string;
  /** `config` without the lines of `servers` and of the generation: as long as it is the same, no reload is needed. */
  readonly structure: string;
  /** Servers in `config` that the runtime API may add to and take from a running HAProxy. */
  readonly servers: readonly TaskServer[];
  /** Servers, `backend/server`, that are in maintenance, so that requests are refused at once; not part of `structure` either. */
  readonly stopped?: readonly string[];
  /** Files the config refers to, by absolute path: route maps, certificate list. */
  readonly files: ReadonlyMap<string, string>;
  /** Which lines of `config` (from 1, both inclusive) are due to which service; for blaming. */
  readonly blame: readonly Blame[];
}

export interface Blame {
  readonly serviceName: string;
  readonly from: number;
  readonly to: number;
}

/** A server line of a backend that the runtime API may add and remove. */
export interface TaskServer {
  readonly backend: string;
  /** Unique in its backend. */
  readonly name: string;
  /** `10.0.1.5:8080` */
  readonly address: string;
  /** As after the address in the config: `check`, `ssl verify none`, ... */
  readonly options: string;
}
