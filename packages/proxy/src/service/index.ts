export {
  type EnvironmentProblem,
  type EnvironmentServices,
  servicesOfEnvironment,
} from "./environment-services.ts";
export { goJson } from "./go-json.ts";
export { haproxyWords } from "./haproxy-words.ts";
export { ParameterError } from "./parameter-error.ts";
export { destinationParameters, type Parameter, serviceParameters } from "./parameters.ts";
export { defaultParseContext, type ParseContext } from "./parse-context.ts";
export { nothingGiven, parseService } from "./parse-service.ts";
export { isYes } from "./plain-text.ts";
export { parameterReference } from "./reference.ts";
export { aclNameOf, type Destination, type ProxyService, type ReqMode, type Rewrite, type User } from "./service.ts";
export { subnetOf } from "./subnet.ts";
export { usersWithPassword } from "./users.ts";
export { answerOf, answerText, type Subject, serviceJson, type WireOptions } from "./wire.ts";
export type { NameStyle } from "./wire-destination.ts";
