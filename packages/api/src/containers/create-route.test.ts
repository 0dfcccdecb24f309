import type { RequestListener } from "node:http";
import { DomainError, type NetworkId, type OverlayRecord } from "@skep/model";
import { expect, test } from "vitest";
import { Facade } from "../../test/facade.ts";
import type { ContainerNetworks, NodeNetworks } from "../node-networks.ts";

const shop: OverlayRecord = {
  ...{ kind: "network", id: "mic9trgxmpkd4kv72ls6b2ppo" as NetworkId, name: "shop", vni: 4097 },
  subnets: [{ subnet: "10.0.1.0/24", gateway: "10.0.1.1" }],
  ...{ internal: false, ingress: false, attachable: true },
};

/** A node on which containers can be made; `said` has what engine and node were asked, in order. */
function scene(plan: ContainerNetworks["plan"] = async () => {}) {
  const said: string[] = [];
  const http: RequestListener = async (request, response) => {
    const body = (await Array.fromAsync<Buffer>(request)).join("");
    const what = `${request.method} ${request.url?.replace("/v1.41", "")}`;
    said.push(`${what} ${body}`.trim());
    if (body.includes("nosuch")) response.writeHead(404).end('{"message":"No such image: nosuch:latest"}');
    else if (what.startsWith("DELETE")) response.writeHead(204).end();
    else if (what.includes("/images/")) response.end('{"Config":{"ExposedPorts":{"443/tcp":{}}}}');
    else if (what.startsWith("GET")) response.end('{"Id":"c1","Name":"/eager_shannon"}');
    else response.writeHead(201).end('{"Id":"c1","Warnings":["w"]}');
  };
  const containers: Partial<ContainerNetworks> = {
    hostConfig: async () => ({ Runtime: "skep", NetworkMode: "none" }),
    async plan(id, planned) {
      said.push(`plan ${id} ${planned.name} ${planned.networks.map(({ networkId }) => networkId)}`);
      said.push(...planned.hostPorts.map(({ published, target }) => `publish ${target} at ${published}`));
      await plan(id, planned);
    },
  };
  const networks: Partial<NodeNetworks> = { overlays: () => [shop], containers: containers as ContainerNetworks };
  const start = () => Facade.start({ http, swarm: { networks: () => networks as NodeNetworks } });
  return { said, start };
}

const create = (facade: Facade, body: string) =>
  facade.call("POST", "/v1.41/containers/create?name=x", body, { "Content-Length": String(body.length) });
const onShop = (host: object = {}) => JSON.stringify({ Image: "web", HostConfig: { NetworkMode: "shop", ...host } });

test("the engine makes the container without a network, and it is planned before the client hears of it", async () => {
  const { said, start } = scene();
  await using facade = await start();
  const { status, text } = await create(facade, onShop());
  expect([status, text]).toEqual([201, '{"Id":"c1","Warnings":["w"]}\n']);
  expect(said).toEqual([
    'POST /containers/create?name=x {"Image":"web","HostConfig":{"Runtime":"skep","NetworkMode":"none"},"NetworkingConfig":{"EndpointsConfig":{}}}',
    "GET /containers/c1/json",
    "plan c1 eager_shannon mic9trgxmpkd4kv72ls6b2ppo",
  ]);
});

test("a network may be named by its id, or the beginning that is shown of it", async () => {
  for (const NetworkMode of [shop.id, shop.id.slice(0, 12)]) {
    const { said, start } = scene();
    await using facade = await start();
    await create(facade, onShop({ NetworkMode }));
    expect(said.at(-1)).toContain("plan c1");
  }
});

test("-P publishes what the image exposes", async () => {
  const { said, start } = scene();
  await using facade = await start();
  await create(facade, onShop({ PublishAllPorts: true, PortBindings: { "80/tcp": [{ HostPort: "8080" }] } }));
  expect(said.slice(-2)).toEqual(["publish 80 at 8080", "publish 443 at 0"]);
});

test("a container that cannot be remembered is removed again", async () => {
  const { said, start } = scene(() => Promise.reject(new DomainError("internal", "no space left")));
  await using facade = await start();
  const { status, text } = await create(facade, onShop());
  expect([status, text]).toEqual([500, '{"message":"no space left"}\n']);
  expect(said.at(-1)).toBe("DELETE /containers/c1?force=1");
});

test("what the engine refuses is told as it is, and what is no matter of skep's goes to it byte for byte", async () => {
  const { said, start } = scene();
  await using facade = await start();
  const refused = await create(facade, onShop().replace("web", "nosuch"));
  expect([refused.status, refused.text]).toEqual([404, '{"message":"No such image: nosuch:latest"}\n']);
  for (const body of ['{"Image": "web",  "HostConfig":{"NetworkMode":"bridge"}}', "{not JSON", ""]) {
    await create(facade, body);
    expect(said.at(-1)).toBe(`POST /containers/create?name=x ${body}`.trim());
  }
});
