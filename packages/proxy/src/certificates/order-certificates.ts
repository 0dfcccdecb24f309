import { basename } from "node:path";
import type { Certificate } from "./certificate.ts";

/**
 * Certificates in the order of the list: those that match a glob of PREFERRED_CERTIFICATE first, in the globs' order,
 * then the others as they come. The first of all is shown to clients that name no known host.
 */
export function orderCertificates(certificates: readonly Certificate[], preferred: readonly string[]): Certificate[] {
  const rank = ({ path }: Certificate) => {
    const first = preferred.findIndex((glob) => matchesGlob(path, glob) || matchesGlob(basename(path), glob));
    return first < 0 ? preferred.length : first;
  };
  return [...certificates].sort((a, b) => rank(a) - rank(b));
}

/** Whether the whole text matches; `*` stands for anything. */
export function matchesGlob(text: string, glob: string): boolean {
  const [first = "", ...others] = glob.split("*");
  const last = others.pop();
  if (last === undefined) return text === glob;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
