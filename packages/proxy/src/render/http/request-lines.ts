import { sourceAcl } from "../general/source-limits.ts";
import { literalFormat } from "../language/log-format.ts";
import type { RenderSettings } from "../settings.ts";

/**
 * What a request is refused for, and the headers that tell the services where it came from; `isTls` when any of them may
 * have come by TLS. Every request pays for these lines: what holds for nearly all of them is asked first, and what cannot
 * be is left out.
 */
export function requestLines({ frontend, driver }: RenderSettings, isTls: boolean): string[] {
  return [
    ...forwardedLines(frontend.trustedProxies),
    ...(isTls ? ["http-request add-header X-Forwarded-Proto https if { ssl_fc }"] : []),
    "option idle-close-on-response", // clients do not lose what they send while a reload ends their connection
    "http-request deny deny_status 400 if !{ req.hdr(host) -m found } HTTP_1.1",
    ...(driver.maxBodyBytes > 0
      ? [`http-request deny deny_status 413 if { req.body_size gt ${driver.maxBodyBytes} }`]
      : []),
    "http-request disable-l7-retry if !METH_GET !{ method OPTIONS TRACE PUT DELETE }", // METH_GET is HEAD too,
    ...(frontend.hsts === undefined
      ? []
      : [`http-response set-header Strict-Transport-Security ${literalFormat("HSTS", frontend.hsts)} if { ssl_fc }`]),
  ];
}

/** A client's own X-Forwarded-For is not believed; one from a trusted proxy is kept, and the proxy's address added. */
function forwardedLines(trustedProxies: readonly string[]): string[] {
  const acl = sourceAcl("trusted_proxy", "TRUSTED_PROXIES", trustedProxies);
  const removal =
    acl.length === 0
      ? ["http-request del-header X-Forwarded-For"]
      : [
          ...acl,
          "http-request del-header X-Forwarded-For unless trusted_proxy",
          "http-request del-header X-Forwarded-Proto unless trusted_proxy",
        ];
  return [...removal, "option forwardfor"];
}
