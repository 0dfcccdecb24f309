/**
 * A gateway router's own address, by which other nodes' gateway routers try the tunnel to it; it follows from the node's
 * index. Undefined for indices past the range: their tunnels are not tried.
 */
export const probeAddress = (index: number): string | undefined =>
  index > 0 && index < lastIndex ? `169.254.${128 + (index >> 8)}.${index & 255}` : undefined;

/** What `169.254.128.0/17` has room for. */
const lastIndex = 0x7fff;
