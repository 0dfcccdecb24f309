import { DomainError } from "@skep/model";
import type { ProxyService } from "../service/service.ts";

/** Nothing that a list of certificates or the runtime API would read as anything but a part of a file's name. */
const plainName = /^[\p{L}\p{N}_*][\p{L}\p{N}._*@+=-]*$/u;
const longestName = 200;

/** Undefined when a file of that name may be listed and written; otherwise why not. */
export function nameProblem(name: string): string | undefined {
  if (!plainName.test(name)) {
    return `${JSON.stringify(name)} is not a plain file name of letters, digits and . _ - * @ + =`;
  }
  return Buffer.byteLength(name) > longestName ? `the name is longer than ${longestName} bytes` : undefined;
}

/** Throws an `invalid-parameter` when a certificate cannot be stored under that name. */
export function checkCertificateName(name: string): void {
  const problem = nameProblem(name);
  if (problem) throw new DomainError("invalid-parameter", `Query parameter certName is not valid: ${problem}`);
}

/** Where `serviceCert` is stored: the first domain of the first destination, else the service's name; no extension. */
export const certificateNameOf = (service: Pick<ProxyService, "serviceName" | "destinations">): string =>
  service.destinations[0]?.serviceDomain[0] || service.serviceName;
