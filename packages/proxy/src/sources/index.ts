export { callHttp } from "./call-http.ts";
export { Deadline } from "./deadline.ts";
export { dnsLookUp, type LookUp } from "./dns-lookup.ts";
export { listenerRoutes } from "./listener/listener-routes.ts";
export { type ListenerSettings, parseListenerSettings } from "./listener/listener-settings.ts";
export { createParameters, type ParameterOptions, removeParameters, toQuery } from "./listener/parameters.ts";
export { SwarmListener } from "./listener/swarm-listener.ts";
export {
  askToNotify,
  type ListenerClientOptions,
  type ListenerServices,
  type Parameters,
  watchListeners,
} from "./listener-client.ts";
export { isInside, type OwnNetworks, ownNetworks } from "./own-networks.ts";
export { type ControlRequest, Peers, type PeersOptions } from "./peers.ts";
export { hasTaskAt } from "./swarm/has-task-at.ts";
export { SharedRoutes, type SharedRoutesOptions } from "./swarm/shared-routes.ts";
export { isNotAManager, SwarmClient } from "./swarm/swarm-client.ts";
export type { ServiceObject, SwarmNode, SwarmService } from "./swarm/swarm-objects.ts";
export {
  defaultNotifyLabel,
  type SwarmServices,
  type SwarmServicesOptions,
  watchSwarmServices,
} from "./swarm/swarm-services.ts";
export { TaskAddresses, type TaskAddressesOptions } from "./task-addresses.ts";
