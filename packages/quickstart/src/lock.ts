import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { DomainError } from "@skep/model";

/**
 * Holds the place that only one quickstart of a folder may have: a socket in the kernel's abstract namespace, which goes
 * with the process, however that ends. Throws `conflict`, with the holder's process id, when another one has it.
 */
export async function takeLock(state: string): Promise<Disposable> {
  const path = `\0skep-quickstart-${createHash("sha256").update(state).digest("hex").slice(0, 16)}`;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(`${process.pid}`);
  });
  if (!(await listens(server, path))) {
    const holder = await holderOf(path);
    throw new DomainError(
      "conflict",
      `another quickstart is at work${holder === undefined ? "" : ` (process ${holder})`}: wait for it, or end it with Ctrl-C where it runs${
        holder === undefined ? "" : ` or with: kill ${holder}`
      }`,
    );
  }
  server.unref();
  return { [Symbol.dispose]: () => void server.close() };
}

async function listens(server: Server, path: string): Promise<boolean> {
  try {
    server.listen(path);
    await once(server, "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
}

const askMs = 1000;

async function holderOf(path: string): Promise<string | undefined> {
  const socket = connect(path);
  socket.setTimeout(askMs, () => socket.destroy());
  let said = "";
  try {
    for await (const chunk of socket) said += String(chunk);
  } catch {
    // it ends just now
  }
  return /^\d+$/.test(said) ? said : undefined;
}
