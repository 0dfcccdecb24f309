import { closeSync } from "node:fs";
import type { OpenNamespace } from "../host/netns.ts";
import { answer, type ClientView } from "./answer.ts";
import { ClientSockets } from "./client-sockets.ts";
import type { DnsClient, DnsPorts } from "./dns-server.ts";
import { Forwarder, type ForwardLimit, type Upstreams, upstreams } from "./forwarder.ts";
import { dialerIn, nodeDialer } from "./namespace-sockets.ts";
import type { Transport } from "./reply.ts";

/** What containers share. */
export interface Surroundings {
  readonly limit: ForwardLimit;
  readonly nodeUpstreams: () => Upstreams;
  readonly failed: (error: Error) => void;
}

const nobody = upstreams([], nodeDialer);

/** One container's resolver. It holds the container's namespace open, as its sockets do, until it is closed. */
export class Container {
  readonly namespace: OpenNamespace;
  client: DnsClient;
  view: ClientView;
  readonly #around: Surroundings;
  readonly #forwarder: Forwarder;
  #own: Upstreams;
  #sockets: ClientSockets | undefined;

  /** Takes the namespace over: closes it when it fails. */
  static async open(
    client: DnsClient,
    namespace: OpenNamespace,
    view: ClientView,
    around: Surroundings,
  ): Promise<Container> {
    const container = new Container(client, namespace, view, around);
    try {
      container.#sockets = await ClientSockets.open(namespace, client.ports, {
        udp: (packet) => container.#answerSafely(packet, "udp"),
        tcp: (packet) => container.#answerSafely(packet, "tcp"),
        failed: around.failed,
      });
      return container;
    } catch (error) {
      container.close();
      throw error;
    }
  }

  private constructor(client: DnsClient, namespace: OpenNamespace, view: ClientView, around: Surroundings) {
    this.client = client;
    this.namespace = namespace;
    this.view = view;
    this.#around = around;
    this.#forwarder = new Forwarder(around.limit);
    this.#own = upstreams(client.servers, dialerIn(namespace));
  }

  get ports(): DnsPorts {
    return this.#sockets?.ports ?? { udp: 0, tcp: 0 };
  }

  change(client: DnsClient, view: ClientView): void {
    const sameServers = client.servers.join() === this.client.servers.join();
    this.client = client;
    this.view = view;
    if (!sameServers) this.#own = upstreams(client.servers, dialerIn(this.namespace));
  }

  close(): void {
    this.#forwarder.close();
    this.#sockets?.close();
    closeSync(this.namespace.fd);
  }

  /** A packet that we fail at is that container's trouble, not the others'. */
  #answerSafely(packet: Buffer, transport: Transport): Buffer | Promise<Buffer> | undefined {
    try {
      return this.#answer(packet, transport);
    } catch (error) {
      this.#around.failed(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }

  #answer(packet: Buffer, transport: Transport): Buffer | Promise<Buffer> | undefined {
    const what = answer(packet, this.view, transport, pickIndex);
    if (what.do === "reply") return what.packet;
    if (what.do === "drop") return undefined;
    return this.#forwarder.forward(what.query, transport, this.#upstreams());
  }

  /**
   * As moby: a container's own servers are asked from inside it whatever its networks are, as they may be on one of
   * them; the node's only for a container that may reach the outside.
   */
  #upstreams(): Upstreams {
    if (this.client.servers.length > 0) return this.#own;
    return this.client.forwards ? this.#around.nodeUpstreams() : nobody;
  }
}

/** Which address comes first need not be beyond guessing, only different each time. */
const pickIndex = (count: number): number => Math.floor(Math.random() * count);
