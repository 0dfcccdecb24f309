import { type Acl, aclLines, filled } from "./acl.ts";
import type { Block, Section } from "./config-text.ts";
import type { NamedDestination, ServiceContext } from "./destination.ts";
import { domainAclLines, hostPatterns } from "./host-match.ts";
import { domainAlgoOf, sourcePortAcl } from "./http-acls.ts";
import { literalFormat } from "./log-format.ts";
import { timeoutLines } from "./phrases.ts";
import { phrase, portNumber } from "./quote.ts";
import type { RenderSettings } from "./settings.ts";
import { bindLine } from "./binds.ts";
import { sniAcl } from "./sni-acl.ts";

/** A destination's part of the frontend of its port, in mode tcp or sni. */
export interface StreamRoute {
  readonly mode: "tcp" | "sni";
  readonly owner: string;
  readonly port: number;
  /** Taken from the first on the port. */
  readonly timeouts: readonly string[];
  readonly keepAlive: boolean;
  readonly acls: readonly string[];
  readonly rules: readonly string[];
}
