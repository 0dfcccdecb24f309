import type { Certificate } from "./certificate.ts";

/**
 * The certificate that HAProxy names as the reason why a configuration does not load; undefined when the reason is
 * another. As `'crt-list' : unable to load SSL certificate into SSL Context '/certs/example.com.pem'.`
 */
export const blameCertificate = <T extends Pick<Certificate, "path">>(
  message: string,
  certificates: readonly T[],
): T | undefined => certificates.find(({ path }) => message.includes(`'${path}'`) || message.includes(`'${path}.key'`));
