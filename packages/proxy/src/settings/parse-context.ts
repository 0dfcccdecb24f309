import type { ParseContext } from "../service/parse-context.ts";
import type { Settings } from "./settings.ts";
import type { ReadSecret } from "./variables.ts";

/** What the reading of services takes from the settings. */
export const parseContextOf = ({ services, users, paths }: Settings, readSecret: ReadSecret): ParseContext => ({
  separator: services.separator,
  httpsOnly: services.httpsOnly,
  serviceDomainAlgo: services.domainAlgo,
  globalUsers: users ?? [],
  templateFolders: services.templateFolders.length === 0 ? [] : [paths.templates, ...services.templateFolders],
  environmentReqMode: services.environmentReqMode,
  readSecret,
});
