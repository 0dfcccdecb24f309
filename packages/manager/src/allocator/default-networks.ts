import { type Cluster, engineNetworks, type Network, newId, predefinedLabel } from "@skep/model";
import type { Transaction } from "@skep/store";
import { claimSubnet } from "./claim-subnet.ts";
import { claimVni } from "./claim-vni.ts";
import type { Ipam } from "./ipam.ts";
import { occupied, occupiedSubnets } from "./occupied-subnets.ts";

/** The store fills these in. */
const unwritten = { version: 0, createdAt: "", updatedAt: "" } as const;

/** The engine's `host` and `bridge`, as services refer to them; those that are there stay. */
export function putEngineNetworks(tx: Transaction): void {
  for (const name of ["host", "bridge"] as const) {
    if (!tx.get("network", engineNetworks[name])) tx.put("network", engineNetwork(name));
  }
}

const engineNetwork = (name: keyof typeof engineNetworks): Network => ({
  ...unwritten,
  id: engineNetworks[name],
  spec: { Name: name, Labels: { [predefinedLabel]: "true" }, Driver: name, Scope: "swarm" },
  vni: 0,
  subnets: [],
});

/** The network of published ports, with the pool's first subnet that none of `routes` is in the way of. */
export function putIngressNetwork(tx: Transaction, cluster: Cluster, ipam: Ipam, routes: readonly string[] = []): void {
  const taken = [...occupiedSubnets(tx), ...routes.flatMap((route) => occupied(route, `route ${route} of this node`))];
  tx.put("network", {
    ...unwritten,
    id: newId<"network">(),
    spec: { Name: "ingress", Labels: {}, Driver: "overlay", Scope: "swarm", Ingress: true },
    vni: claimVni(tx.all("network"), ipam),
    subnets: [claimSubnet(cluster, taken, ipam)],
  });
}
