import { once } from "node:events";
import type { Server } from "node:http";
import { getSystemErrorMessage } from "node:util";
import { DomainError } from "@skep/model";

export interface ListenOptions {
  /** Whose port it is: `the control API` */
  readonly what: string;
  readonly port: number;
  /** All addresses of this host when there is none. */
  readonly address?: string;
  /** What is to be done when it cannot be had. */
  readonly advice: string;
}

/** Resolves when the server listens. Throws a DomainError when the address or port cannot be had. */
export async function listenOn(server: Server, { what, port, address, advice }: ListenOptions): Promise<void> {
  server.listen(port, address);
  try {
    await once(server, "listening");
  } catch (cause) {
    const reason = getSystemErrorMessage((cause as NodeJS.ErrnoException).errno ?? 0);
    const where = address === undefined ? `port ${port}` : `${address}:${port}`;
    throw new DomainError("unavailable", `${what} cannot listen on ${where}: ${reason}; ${advice}`, { cause });
  }
}
