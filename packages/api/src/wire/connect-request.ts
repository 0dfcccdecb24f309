import { DomainError } from "@skep/model";
import type { ConnectRequest, DisconnectRequest } from "../node-networks.ts";
import { decode, flag, struct, text, texts } from "./schema.ts";

interface ConnectBody {
  readonly Container?: string;
  readonly EndpointConfig?: {
    readonly IPAMConfig?: { readonly IPv4Address?: string; readonly IPv6Address?: string };
    readonly Aliases?: readonly string[];
  };
}

const connectBody = struct<ConnectBody>("ConnectOptions", {
  Container: text,
  EndpointConfig: struct("EndpointSettings", {
    IPAMConfig: struct("EndpointIPAMConfig", { IPv4Address: text, IPv6Address: text }),
    Aliases: texts,
  }),
});

export function parseConnectBody(body: unknown): ConnectRequest {
  const { Container, EndpointConfig } = decode(connectBody, body, "network.ConnectOptions");
  const { IPAMConfig: ipam, Aliases: aliases = [] } = EndpointConfig ?? {};
  if (ipam?.IPv6Address) throw invalid("IPv6 addresses are not available on overlay networks");
  return { container: named(Container), aliases, ...(ipam?.IPv4Address && { address: ipam.IPv4Address }) };
}

const disconnectBody = struct<{ readonly Container?: string; readonly Force?: boolean }>("DisconnectOptions", {
  Container: text,
  Force: flag,
});

export function parseDisconnectBody(body: unknown): DisconnectRequest {
  const { Container, Force = false } = decode(disconnectBody, body, "network.DisconnectOptions");
  return { container: named(Container), force: Force };
}

function named(container: string | undefined): string {
  if (container) return container;
  throw invalid("container name or ID is required");
}

const invalid = (message: string) => new DomainError("invalid-parameter", message);
