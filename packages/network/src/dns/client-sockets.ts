import type { Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "@skep/model";
import { libc } from "../host/libc.ts";
import type { OpenNamespace } from "../host/netns.ts";
import type { DnsPorts } from "./dns-server.ts";
import { bindIn, resolverAddress, udpSocket } from "./namespace-sockets.ts";
import { type Handle, TcpConnection } from "./tcp-connection.ts";

const maxConnections = 128;
/** Ports of a process that is just ending come free within this time; else others are taken. */
const takenRetries = 10;
const takenRetryMs = 50;

export interface Handles {
  readonly udp: Handle;
  readonly tcp: Handle;
  readonly failed: (error: Error) => void;
}

/** What listens in one container. */
export class ClientSockets {
  readonly ports: DnsPorts;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  #open = true;

  /** Binds in the namespace, to the ports of an earlier process if given. */
  static async open(namespace: OpenNamespace, wanted: DnsPorts | undefined, handles: Handles): Promise<ClientSockets> {
    const udp = await bindPatiently(namespace, "udp", wanted?.udp ?? 0);
    const tcp = await bindPatiently(namespace, "tcp", wanted?.tcp ?? 0).catch((error: unknown) => {
      libc().close(udp.fd);
      throw error;
    });
    const sockets = new ClientSockets({ udp: udp.port, tcp: tcp.port }, handles);
    try {
      await sockets.#listen(udp.fd, tcp.fd);
      return sockets;
    } catch (error) {
      sockets.close();
      throw error;
    }
  }

  private constructor(ports: DnsPorts, handles: Handles) {
    this.ports = ports;
    this.#udp = udpSocket();
    this.#tcp = createServer({ allowHalfOpen: true }, (connection) => this.#serve(connection, handles.tcp));
    this.#tcp.maxConnections = maxConnections;
    this.#udp.on("message", (packet, { port, address }) => {
      const answer = handles.udp(packet);
      if (answer instanceof Promise) void answer.then((later) => this.#send(later, port, address));
      else if (answer !== undefined) this.#send(answer, port, address);
    });
    this.#udp.on("error", handles.failed);
    this.#tcp.on("error", handles.failed);
  }

  close(): void {
    this.#open = false;
    this.#udp.close();
    this.#tcp.close();
    for (const connection of this.#connections) connection.destroy();
  }

  async #listen(udp: number, tcp: number): Promise<void> {
    const listening = [once(this.#udp, "listening"), once(this.#tcp, "listening")];
    this.#udp.bind({ fd: udp });
    this.#tcp.listen({ fd: tcp });
    await Promise.all(listening);
  }

  /** A client that is gone, or does not want its answer, is no failure. */
  #send(packet: Buffer, port: number, address: string): void {
    if (this.#open) this.#udp.send(packet, port, address, ignore);
  }

  #serve(connection: Socket, handle: Handle): void {
    this.#connections.add(connection);
    connection.once("close", () => this.#connections.delete(connection));
    new TcpConnection(connection, handle);
  }
}

const ignore = () => {};

async function bindPatiently(namespace: OpenNamespace, kind: "udp" | "tcp", port: number) {
  for (let retries = takenRetries; ; retries--) {
    try {
      return bindIn(namespace, kind, resolverAddress, retries > 0 ? port : 0);
    } catch (error) {
      if (port === 0 || retries === 0 || !hasCode(error, "EADDRINUSE")) throw error;
    }
    await sleep(takenRetryMs);
  }
}
