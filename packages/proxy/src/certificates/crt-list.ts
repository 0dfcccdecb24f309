import type { Certificate } from "./certificate.ts";

/**
 * HAProxy's list of certificates, one file a line, the default first. Empty without certificates: a bind with an
 * empty list does not load, so then there must be none.
 */
export const renderCrtList = (certificates: readonly Pick<Certificate, "path">[]): string =>
  certificates.map(({ path }) => `${path}\n`).join("");

/**
 * A configuration that loads the file and does nothing else: whether HAProxy itself takes a certificate can be tried
 * with it before the certificate is put where the real one finds it.
 */
export const renderCertificateTrial = (path: string): string =>
  [
    "defaults",
    "    mode http",
    "    timeout connect 1s",
    "    timeout client 1s",
    "    timeout server 1s",
    "frontend trial",
    `    bind abns@skep-certificate-trial ssl crt ${path}`,
    "",
  ].join("\n");
