import type { Cluster } from "@skep/testkit";

/** skep's own devices. */
const own = "v[0-9a-f]{8}|vx0|skep-up|up0";

/** What skep keeps in these namespaces of a node, `host` being the node's own, without what counts or is numbered anew. */
export async function kernelView(cluster: Cluster, node: string, namespaces: readonly string[]): Promise<string> {
  const script = namespaces.map((name) => `echo "== ${name}"\n${viewOf(inNamespace(name))}`).join("\n");
  const { stdout } = await cluster.exec(node, "sh", "-c", script);
  // the targets of a balancer are turned whenever it is written
  return stdout.replaceAll(/map \{([^}]*)\}/g, (_, list: string) => targetsOf(list).join(" "));
}

/** The beginning of a command that runs in a namespace of a node. */
export const inNamespace = (name: string): string => (name === "host" ? "" : `nsenter --net=/run/netns/${name} `);

const viewOf = (enter: string): string => `
  ${enter}nft list table ip skep | sort
  ${enter}nft list table ip skepraw 2>/dev/null | sort
  ${enter}ip -o link | sed 's/^[0-9]*: //; s/@[^:]*//' | grep -E '^(${own}):' | cut -d' ' -f1,4,5 | sort
  ${enter}ip -o -4 address | grep -E ' (${own}) ' | cut -d' ' -f2-7 | sort
  ${enter}ip route | grep -E '${own}|unreachable' | sort
  ${enter}ip neigh show nud permanent | sort
  ${enter}bridge fdb show | grep dst | sort
  ${enter}ip rule`;

const targetsOf = (list: string): string[] => [...list.matchAll(/: ([\d.]+)/g)].map(([, to]) => to ?? "").sort();
