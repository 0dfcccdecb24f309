import type { CertificateStep } from "../runtime/certificate-step.ts";
import type { Certificate } from "./certificate.ts";

type Listed = Pick<Certificate, "path" | "pem" | "names">;

/** A longer payload is dropped by HAProxy without a word (its buffer is 16 kB). */
const longestPem = 15_000;

/**
 * The steps from the certificates that run to those wanted, both in the order of the list; undefined when only a
 * reload leads there:
 *  - the first certificate comes or the last one goes: the bind changes;
 *  - the default, the first of the list, changes: HAProxy keeps the old one and refuses to let go of it;
 *  - two certificates are shown for one name: the first of the list wins it, but what is renewed or added at run time
 *    goes behind the others, as it does when the list is only reordered;
 *  - a certificate is too long for the runtime API.
 */
export function planCertificates(
  running: readonly Listed[],
  wanted: readonly Listed[],
): readonly CertificateStep[] | undefined {
  if (running[0]?.path !== wanted[0]?.path) return undefined;
  const before = new Map(running.map((each) => [each.path, each]));
  const after = new Set(wanted.map(({ path }) => path));
  const changed = wanted.filter(({ path, pem }) => before.get(path)?.pem !== pem);
  if (changed.some(({ pem }) => Buffer.byteLength(pem) > longestPem)) return undefined;
  if (precedenceChanges(running, wanted, new Set(changed))) return undefined;
  return [
    ...changed.map(({ path, pem }): CertificateStep => ({ do: before.has(path) ? "renew" : "add", path, pem })),
    ...running.filter(({ path }) => !after.has(path)).map(({ path }): CertificateStep => ({ do: "remove", path })),
  ];
}

/** Whether HAProxy would, after the steps, answer for some name with another certificate than after a reload. */
function precedenceChanges(
  running: readonly Listed[],
  wanted: readonly Listed[],
  changed: ReadonlySet<Listed>,
): boolean {
  const places = new Map(running.map(({ path }, place) => [path, place]));
  /** Its place among the names' holders once the steps are done: what was left alone, then what was changed. */
  const placeThen = (each: Listed, place: number) =>
    changed.has(each) ? running.length + place : (places.get(each.path) ?? 0);
  const lastOf = new Map<string, number>();
  for (const [i, each] of wanted.entries()) {
    const place = placeThen(each, i);
    for (const name of each.names) {
      if ((lastOf.get(name) ?? -1) > place) return true;
      lastOf.set(name, place);
    }
  }
  return false;
}

export function describeCertificateStep(step: CertificateStep): string {
  const sign = { add: "+", renew: "~", remove: "-" }[step.do];
  return `${sign} certificate ${step.path}`;
}
