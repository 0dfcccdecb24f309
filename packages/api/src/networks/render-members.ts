import type { NetworkId } from "@skep/model";
import { endpointIdOf, type MemberService, type NetworkMembers } from "./network-members.ts";

/** `Services` of `docker network inspect --verbose`: by name, containers attached by hand under the empty one. */
export function renderMembers(networkId: NetworkId, { services, endpoints }: NetworkMembers) {
  const names = new Set([...services.map(({ name }) => name), ...endpoints.map(({ service }) => service)]);
  return Object.fromEntries(
    [...names].sort().map((name) => {
      const service = services.find((each) => each.name === name);
      const tasks = endpoints.filter((endpoint) => endpoint.service === name);
      return [
        name,
        {
          VIP: service?.vip ?? "<nil>", // as Go prints an address that is not there
          Ports: service ? renderPorts(service) : [],
          LocalLBIndex: 0,
          Tasks: tasks.map(({ taskId, name: taskName, address, nodeAddress }) => ({
            Name: taskName,
            EndpointID: endpointIdOf(taskId, networkId),
            EndpointIP: address,
            Info: { "Host IP": nodeAddress },
          })),
        },
      ];
    }),
  );
}

const renderPorts = ({ ports }: MemberService): string[] =>
  ports.map(({ target, published }) => `Target: ${target}, Publish: ${published}`);
