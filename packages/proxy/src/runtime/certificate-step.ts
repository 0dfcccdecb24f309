/**
 * One change of the certificates that a running HAProxy serves, by the file's path as the certificate list names it.
 * `pem` is the file's text: certificate, chain and key. `options` is what stands between the path and the end of its
 * line in the list: `[alpn h2,http/1.1] b.example.com`.
 */
export type CertificateStep =
  | { readonly do: "renew" | "add"; readonly path: string; readonly pem: string; readonly options?: string }
  | { readonly do: "remove"; readonly path: string };
