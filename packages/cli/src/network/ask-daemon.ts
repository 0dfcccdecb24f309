import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { DomainError } from "@skep/model";
import { type DaemonAddress, describeDaemon } from "./daemon-address.ts";

const patienceMs = 30_000;

/** The JSON a daemon answers to a GET; throws `DomainError` with its own words when it refuses. */
export async function askDaemon<T>(address: DaemonAddress, path: string): Promise<T> {
  const response = await open(address, path);
  const text = Buffer.concat(await response.toArray()).toString();
  if (response.statusCode === 200) return JSON.parse(text);
  if (response.statusCode === 404) throw unavailable(`${describeDaemon(address)} is not skepd, or an older one`);
  throw unavailable(messageOf(text) ?? `${path}: status ${response.statusCode}`);
}

async function open(address: DaemonAddress, path: string): Promise<IncomingMessage> {
  const options = { path, agent: false, signal: AbortSignal.timeout(patienceMs) } as const;
  const request =
    "tls" in address && address.tls !== undefined
      ? httpsRequest({ ...options, host: address.host, port: address.port, ...address.tls })
      : httpRequest({ ...options, ...address });
  request.end();
  try {
    const [response] = await once(request, "response");
    return response;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const where = describeDaemon(address);
    throw unavailable(`cannot reach skepd at ${where} (${why}): start it, or point DOCKER_HOST at it`, { cause });
  }
}

function messageOf(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text);
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}

const unavailable = (message: string, options?: ErrorOptions) => new DomainError("unavailable", message, options);
