import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { DomainError } from "@skep/model";
import type { Io } from "../io.ts";

/** Where a daemon is reached, in the form `node:http` and `node:https` take. */
export type DaemonAddress =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number; readonly tls?: TlsFiles };

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export const defaultSocket = "/run/skep/docker.sock";

/** As the docker CLI finds it: `DOCKER_HOST`, with `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`; else skepd of this node. */
export function daemonAddress(
  { DOCKER_HOST: host, DOCKER_TLS_VERIFY: verify, DOCKER_CERT_PATH: certs }: Io["environment"],
  read: (path: string) => string = (path) => readFileSync(path, "utf8"),
): DaemonAddress {
  if (!host) return { socketPath: defaultSocket };
  const [, scheme, rest = ""] = /^(unix|tcp|http|https):\/\/(.+)$/.exec(host) ?? [];
  if (scheme === "unix") return { socketPath: rest };
  const url = scheme === undefined ? null : URL.parse(`http://${rest}`);
  if (!url?.hostname) {
    throw new DomainError("invalid-parameter", `DOCKER_HOST=${host}: skepd is reached at unix://… or tcp://… only`);
  }
  const tls = verify || scheme === "https" ? readTls(certs || join(homedir(), ".docker"), read) : undefined;
  const port = Number(url.port || (tls ? 2376 : 2375));
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port, ...(tls && { tls }) };
}

const readTls = (folder: string, read: (path: string) => string): TlsFiles => ({
  ca: read(join(folder, "ca.pem")),
  cert: read(join(folder, "cert.pem")),
  key: read(join(folder, "key.pem")),
});

export const describeDaemon = (address: DaemonAddress): string =>
  "socketPath" in address ? address.socketPath : `tcp://${address.host}:${address.port}`;
