/** Where an engine listens, in the form `node:http` and `node:net` both take. */
export type EngineAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** Parses `/run/docker.sock`, `unix:///run/docker.sock`, `tcp://10.0.0.1:2375` or `http://…`; throws on anything else. */
export function parseEngineAddress(target: string): EngineAddress {
  if (target.startsWith("/")) return { socketPath: target };
  const [, scheme, rest = ""] = /^(unix|tcp|http):\/\/(.+)$/.exec(target) ?? [];
  if (scheme === "unix" && rest.startsWith("/")) return { socketPath: rest };
  if (scheme === "tcp" || scheme === "http") {
    const url = URL.parse(`http://${rest}`);
    if (url?.hostname) return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 2375) };
  }
  throw new Error(`${target} is not an engine address: give a socket's path, unix:///path or tcp://host:port`);
}

/** For messages: the socket's path, or `tcp://host:port`. */
export const describeAddress = (address: EngineAddress): string =>
  "socketPath" in address ? address.socketPath : `tcp://${address.host}:${address.port}`;
