import { DomainError } from "@skep/model";
import { renderTable } from "../table.ts";
import type { LocalNetworks, NetworkStatus, NodeStatus, SwarmNetworks } from "./answers.ts";

/** All networks in a table, and what is wrong on which node below it. */
export function renderNetworks({ Networks: networks }: SwarmNetworks): string {
  const table = renderTable(
    ["NETWORK", "VNI", "SUBNET", "SERVICES", "NODES", "BEHIND", "PROBLEMS"],
    byName(networks).map((network) => [
      network.Name,
      String(network.VNI ?? ""),
      network.Subnets.join(", "),
      String(network.Services.length),
      String(network.Nodes.length),
      behind(network.Nodes),
      String(network.Nodes.reduce((count, { Problems }) => count + Problems.length, 0)),
    ]),
  );
  return [table, renderProblems(networks.flatMap(({ Nodes }) => Nodes))].filter(Boolean).join("\n");
}

/** One network: the version each node has, and where each service's connections go. */
export function renderNetworkDetails({ Name, VNI, Subnets, Revision, Nodes, Services }: NetworkStatus): string {
  const head = `Network ${Name}: VNI ${VNI}, ${Subnets.join(", ")}, last changed at revision ${Revision}\n`;
  const nodes = renderTable(
    ["NODE", "STATE", "REVISION", "LAG", "PROBLEMS"],
    Nodes.map((node) => [node.Hostname, node.State, revisionOf(node), lagOf(node), String(node.Problems.length)]),
  );
  const services = renderTable(
    ["SERVICE", "VIP", "PORTS", "TARGET", "ADDRESS", "STATE"],
    Services.flatMap(({ Name: name, VIP, Ports, Targets }) => {
      const about = [name, VIP || "(dnsrr)", Ports.join(", ")];
      if (Targets.length === 0) return [[...about, "(none)"]];
      return Targets.map(({ Task, Address, State }, at) => [
        ...(at === 0 ? about : ["", "", ""]),
        Task,
        Address,
        State,
      ]);
    }),
  );
  return [head, nodes, ...(Services.length > 0 ? [services] : []), renderProblems(Nodes)].filter(Boolean).join("\n");
}

/** By name, id, or the beginning of an id; throws when there is none or several. */
export function findNetwork({ Networks: networks }: SwarmNetworks, text: string): NetworkStatus {
  const exact = networks.filter(({ ID, Name }) => ID === text || Name === text);
  const matches = exact.length > 0 ? exact : networks.filter(({ ID }) => ID.startsWith(text));
  const [network] = matches;
  if (!network) throw new DomainError("not-found", `network ${text} not found`);
  if (matches.length > 1)
    throw new DomainError(
      "invalid-parameter",
      `network ${text} is ambiguous: ${matches.map(({ Name }) => Name).join(", ")}`,
    );
  return network;
}

/** What one node has of the networks. */
export function renderLocal({ Revision: revision, Networks, Sandboxes, Problems }: LocalNetworks): string {
  const nameOf = new Map(Networks.map(({ ID, Name }) => [ID, Name]));
  const networks = renderTable(
    ["NETWORK", "VNI", "SUBNET", "CONTAINERS"],
    byName(Networks).map(({ Name, VNI, Subnets, Containers }) => [
      Name,
      String(VNI),
      Subnets.join(", "),
      String(Containers),
    ]),
  );
  const sandboxes = renderTable(
    ["CONTAINER", "DEVICE", "NETWORK", "ADDRESS"],
    Sandboxes.flatMap(({ name, interfaces }) =>
      interfaces.map(({ networkId, device, address }, at) => [
        at === 0 ? name : "",
        device,
        nameOf.get(networkId) ?? networkId,
        address,
      ]),
    ),
  );
  const problems = Problems.map(({ subject, message }) => `${subject}: ${message}\n`).join("");
  const head = `This node's networks are at revision ${revision}\n`;
  return [head, networks, ...(Sandboxes.length > 0 ? [sandboxes] : []), problems].filter(Boolean).join("\n");
}

const byName = <T extends { readonly Name: string }>(networks: readonly T[]): T[] =>
  networks.toSorted((a, b) => a.Name.localeCompare(b.Name));

/** How many nodes are behind, and the slowest's lag. */
function behind(nodes: readonly NodeStatus[]): string {
  const [worst, ...others] = nodes.filter(({ UpToDate }) => !UpToDate).toSorted((a, b) => b.LagMs - a.LagMs);
  return worst ? `${others.length + 1} (${lagOf(worst)})` : "0";
}

const revisionOf = ({ Acknowledged }: NodeStatus): string => (Acknowledged === 0 ? "none" : String(Acknowledged));

function lagOf({ Connected, UpToDate, LagMs }: NodeStatus): string {
  if (UpToDate) return "";
  if (!Connected) return "no session";
  return LagMs < 1000 ? `${Math.round(LagMs)}ms` : `${(LagMs / 1000).toFixed(1)}s`;
}

/** Each once, however many networks its node is on. */
const renderProblems = (nodes: readonly NodeStatus[]): string =>
  [...new Set(nodes.flatMap(({ Hostname, Problems }) => Problems.map((problem) => `${Hostname}: ${problem}\n`)))].join(
    "",
  );
