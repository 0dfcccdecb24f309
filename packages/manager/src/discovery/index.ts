export { Discovery } from "./discovery.ts";
export type {
  NetworkNodeProgress,
  NetworkProgress,
  NodeNetworkProgress,
  OneNetworkProgress,
} from "./network-progress.ts";
export { endpointRecord, overlayRecord, peerRecord, serviceRecord } from "./records.ts";
