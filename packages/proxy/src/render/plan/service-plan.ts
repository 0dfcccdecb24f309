import { aclNameOf } from "../../service/service.ts";
import type { Section } from "../config-text.ts";
import { type Snippet, strayLine } from "../general/snippets.ts";
import { userList } from "../general/user-lists.ts";
import { httpBackend, type Realm } from "../http/http-backend.ts";
import { type HttpRules, httpRules } from "../http/http-rules.ts";
import type { RenderedService, RenderInput } from "../input.ts";
import { compressionLines } from "../language/phrases.ts";
import { refuse } from "../language/quote.ts";
import { streamBackend } from "../stream/stream-backend.ts";
import { type StreamRoute, streamRoute } from "../stream/stream-route.ts";
import { type GroupMember, groupMember } from "../stream/tcp-groups.ts";
import type { BackendPlan } from "./backend-plan.ts";
import { type NamedDestination, nameDestinations, type ServiceContext, serviceContext } from "./destination.ts";
import type { Names } from "./names.ts";

/** A service's parts of the config, each for the section it belongs to. */
export interface ServicePlan {
  readonly owner: string;
  readonly aclName: string;
  readonly compression: readonly string[];
  readonly rules: HttpRules;
  readonly streams: readonly StreamRoute[];
  readonly groups: readonly GroupMember[];
  readonly users: Section | undefined;
  readonly backends: readonly BackendPlan[];
  readonly frontendSnippet: Snippet | undefined;
  readonly backendSnippet: Snippet | undefined;
}

/** Throws a DomainError when some value of the service has no place in the config. */
export function planService(input: RenderInput, service: RenderedService, names: Names): ServicePlan {
  const context = serviceContext(input, service, names);
  const { frontend, backend } = snippetsOf(context);
  const named = nameDestinations(context);
  const http = named.filter(({ destination }) => destination.reqMode === "http");
  const isGrouped = ({ destination }: NamedDestination) =>
    destination.reqMode === "tcp" && destination.serviceGroup !== "";
  const streams = frontend ? [] : named.filter((each) => each.destination.reqMode !== "http" && !isGrouped(each));
  const realm = realmOf(context);
  return {
    owner: service.serviceName,
    aclName: context.aclName,
    compression: http.length > 0 ? compressionLines(service) : [],
    rules: httpRules(context, frontend ? [] : http),
    streams: streams.map((each) => streamRoute(context, each, named.indexOf(each) + 1)),
    groups: named.filter(isGrouped).map((each) => groupMember(context, each)),
    users: service.users && realm ? userList(realm.list, service.users, [service.serviceName]) : undefined,
    backends: backend
      ? []
      : named.filter((each) => !isGrouped(each)).flatMap((each) => backendsOf(context, each, realm)),
    frontendSnippet: frontend,
    backendSnippet: backend,
  };
}

function backendsOf(context: ServiceContext, named: NamedDestination, realm: Realm): BackendPlan[] {
  const { destination, port, httpsPort } = named;
  if (destination.reqMode !== "http") return [streamBackend(context, named)];
  return [
    ...(port === 0 ? [] : [httpBackend(context, named, realm, "http")]),
    ...(httpsPort === 0 ? [] : [httpBackend(context, named, realm, "https")]),
  ];
}

/** The service's own users take the place of the proxy's. */
function realmOf({ service, serviceName, names, input }: ServiceContext): Realm {
  if (service.users !== undefined) {
    const list = names.claim("userlist", `${serviceName}Users`);
    return { list, acl: `${serviceName}UsersAcl`, realm: `${serviceName}Realm` };
  }
  if (input.settings.users === undefined) return undefined;
  return { list: defaultUsers, acl: "defaultUsersAcl", realm: "defaultRealm" };
}

export const defaultUsers = "defaultUsers";

function snippetsOf({ service, input }: ServiceContext) {
  const { frontend, backend } = input.snippets.get(service.serviceName) ?? {};
  const owner = service.serviceName;
  const snippet = (kind: string, text: string | undefined): Snippet | undefined =>
    text === undefined ? undefined : { name: `${aclNameOf(service)}-${kind}.cfg`, owner, text };
  const parts = { frontend: snippet("fe", frontend), backend: snippet("be", backend) };
  const stray = parts.backend && strayLine(parts.backend);
  if (stray !== undefined) refuse("templateBePath", stray, "the template does not begin with a section");
  return parts;
}
