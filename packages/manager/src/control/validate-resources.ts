import { type Resources, rpcError } from "@skep/model";

const smallestCpu = 1e6;
const smallestMemory = 4 * 1024 * 1024;

/** Limits or reservations; 0 or absent is none. */
export function validateResources(resources: Resources = {}): void {
  const { NanoCPUs = 0, MemoryBytes = 0 } = resources;
  if (NanoCPUs !== 0 && NanoCPUs < smallestCpu) {
    throw rpcError("InvalidArgument", `invalid cpu value ${goFloat(NanoCPUs / 1e9)}: Must be at least 0.001`);
  }
  if (MemoryBytes !== 0 && MemoryBytes < smallestMemory) {
    throw rpcError("InvalidArgument", `invalid memory value ${MemoryBytes}: Must be at least 4MiB`);
  }
}

/** As Go's `%g` prints it: an exponent of two digits at least, already below 0.0001. */
export function goFloat(value: number): string {
  if (Math.abs(value) >= 1e-4 || value === 0) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}
