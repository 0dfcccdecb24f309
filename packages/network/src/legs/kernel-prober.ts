import type { Kernel } from "../host/kernel.ts";
import { probePathMtu } from "../host/path-mtu.ts";
import { gatewayName } from "../overlay/addresses.ts";
import type { LegProber } from "./leg.ts";
import { probeAddress } from "./probe-address.ts";

/** Any packet does to see whether the tunnel works. */
const smallBytes = 128;

/** Tries legs with ICMP, from the node itself and from its gateway router. */
export const kernelProber = (kernel: Kernel): LegProber => ({
  underlay: (address, maxBytes) => kernel.host.enter(() => probePathMtu(address, maxBytes)),
  async tunnel({ index }) {
    const address = probeAddress(index);
    using gateway = await kernel.find(gatewayName);
    if (address === undefined || !gateway) return undefined;
    return (await gateway.enter(() => probePathMtu(address, smallBytes))) !== undefined;
  },
});
