import { sourceAcl } from "../general/source-limits.ts";
import { literalFormat } from "../language/log-format.ts";
import type { RenderSettings } from "../settings.ts";

/** What a request is refused for, and the headers that tell the services where it came from. */
export function requestLines({ frontend, driver }: RenderSettings): string[] {
  return [
    ...forwardedLines(frontend.trustedProxies),
    "option idle-close-on-response", // clients do not lose what they send while a reload ends their connection
    "http-request deny deny_status 400 if HTTP_1.1 !{ req.hdr(host) -m found }",
    ...(driver.maxBodyBytes > 0
      ? [`http-request deny deny_status 413 if { req.body_size gt ${driver.maxBodyBytes} }`]
      : []),
    "http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }",
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
  return [...removal, "option forwardfor", "http-request add-header X-Forwarded-Proto https if { ssl_fc }"];
}
