import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { type DomainError, rpcError } from "@skep/model";
import type { Identity } from "./identity.ts";

const defaultPort = 2377;
const connectTimeoutMs = 10_000;
const windowBytes = 256 * 1024;

export interface Target {
  /** `host` or `host:port` of a manager. */
  readonly addr: string;
  /** Without it the manager is not verified: only for asking which root certificate it has. */
  readonly rootCaPem?: string;
  /** Without it we are a stranger: only for joining. */
  readonly certificate?: Pick<Identity, "certPem" | "keyPem">;
  readonly signal: AbortSignal;
}

/**
 * An HTTP/2 connection over TLS to a manager's dispatcher, usable at once. Only a manager's certificate answers for
 * the name `swarm-manager`, so a worker cannot pose as one. Rejects with `unavailable` in the words of swarmkit's
 * transport.
 */
export async function connect(target: Target): Promise<ClientHttp2Session> {
  const { host, port } = splitAddress(target.addr);
  const socket = connectTls({
    host,
    port,
    ALPNProtocols: ["h2"],
    servername: "swarm-manager",
    minVersion: "TLSv1.3",
    ...(target.rootCaPem === undefined ? { rejectUnauthorized: false } : { ca: target.rootCaPem }),
    ...(target.certificate && { cert: target.certificate.certPem, key: target.certificate.keyPem }),
  });
  await established(socket, `${host.includes(":") ? `[${host}]` : host}:${port}`, target.signal);
  const connection = connectHttp2("https://swarm-manager", {
    createConnection: () => socket,
    settings: { initialWindowSize: windowBytes },
  });
  // Streams and `close` tell of it too; without a listener it would end the process.
  connection.on("error", () => {});
  return connection;
}

export function splitAddress(addr: string): { readonly host: string; readonly port: number } {
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(addr) ?? [];
  return { host: v6 ?? v4 ?? addr, port: port === undefined ? defaultPort : Number(port) };
}

function established(socket: TLSSocket, addr: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let dialled = false;
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", abort);
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const abort = () => fail(signal.reason);
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    socket.setTimeout(connectTimeoutMs, () => fail(dialError(addr, "i/o timeout")));
    socket.once("connect", () => {
      dialled = true;
    });
    socket.once("error", (error: NodeJS.ErrnoException) =>
      fail(dialled ? handshakeError(error) : dialError(addr, reasonOf(error), error)),
    );
    socket.once("close", () => fail(handshakeError(new Error("EOF"))));
    socket.once("secureConnect", () => {
      socket.removeAllListeners();
      signal.removeEventListener("abort", abort);
      socket.setTimeout(0);
      if (socket.alpnProtocol === "h2") resolve();
      else fail(handshakeError(new Error("the other side does not speak HTTP/2")));
    });
  });
}

const dialError = (addr: string, reason: string, cause?: unknown): DomainError =>
  transportError(`Error while dialing dial tcp ${addr}: ${reason}`, cause);

const handshakeError = (error: Error): DomainError =>
  transportError(`authentication handshake failed: ${error.message}`, error);

const transportError = (what: string, cause?: unknown): DomainError =>
  rpcError("Unavailable", `connection error: desc = "transport: ${what}"`, { cause });

/** Go's words for what the kernel answers. */
function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "connect: connection refused";
    case "ETIMEDOUT":
      return "connect: connection timed out";
    case "EHOSTUNREACH":
      return "connect: no route to host";
    case "ENETUNREACH":
      return "connect: network is unreachable";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "lookup: no such host";
    default:
      return error.message;
  }
}
