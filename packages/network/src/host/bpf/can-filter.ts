import { closeSync } from "node:fs";
import { release } from "node:os";
import { RouteClient } from "../netlink/route-client.ts";
import { inFreshNamespace, openNamespace, ownNamespace } from "../netns.ts";

/** As what a connection has moved on by can be ignored: `nf_conntrack_tcp_ignore_invalid_rst`. */
const oldest = [5, 14] as const;

/** Tries it, in a namespace that is gone afterwards. */
export async function canFilter(): Promise<boolean> {
  const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) return false;
  let fd: number | undefined;
  try {
    const { client, namespaceFd } = inFreshNamespace(() => {
      const namespaceFd = openNamespace(ownNamespace).fd;
      return { namespaceFd, client: new RouteClient(namespaceFd) };
    });
    fd = namespaceFd;
    using route = client;
    await route.apply([
      { do: "add-clsact", device: "lo" },
      { do: "put-filter", device: "lo", side: "ingress", program: "from-container" },
      { do: "put-filter", device: "lo", side: "egress", program: "to-container" },
    ]);
    return true;
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
