import type { ReqMode, User } from "./service.ts";

/** What the reading of a service depends on besides its parameters: settings of the proxy, and secrets. */
export interface ParseContext {
  /** Of lists; `,` unless the operator says otherwise. */
  readonly separator: string;
  /** `HTTPS_ONLY` */
  readonly httpsOnly: boolean;
  /** `SERVICE_DOMAIN_ALGO`, of services that name none. */
  readonly serviceDomainAlgo: string;
  /** `USERS`: where users without a password of their own get it from. */
  readonly globalUsers: readonly User[];
  /** Folders that templates must be in; empty for anywhere but the system's folders. */
  readonly templateFolders: readonly string[];
  /** `DEFAULT_PROTOCOL`: of environment services whose un-indexed destination names none. */
  readonly environmentReqMode: ReqMode;
  /** The text of a secret by its file's name, `dfp_users_admins`; undefined when there is none. */
  readonly readSecret: (name: string) => string | undefined;
}

/** What the published image's defaults give. */
export const defaultParseContext: ParseContext = {
  separator: ",",
  httpsOnly: false,
  serviceDomainAlgo: "hdr_beg(host)",
  globalUsers: [],
  templateFolders: [],
  environmentReqMode: "http",
  readSecret: () => undefined,
};
