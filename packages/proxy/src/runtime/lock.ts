import { stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { DomainError, hasCode } from "@skep/model";

/**
 * Keeps a second controller from the same HAProxy: two that bind the same port share its traffic without an error. The
 * lock is a socket in the abstract namespace, named after the directory itself, so the kernel lets go of it whatever
 * way its holder ends; nothing can be left behind. Throws `conflict` when another process has it.
 */
export async function lockDirectory(directory: string): Promise<Disposable> {
  const { dev, ino } = await stat(directory);
  const name = `\0skep-proxy-${dev}-${ino}`;
  const server = createServer((connection) => connection.on("error", () => {}).end(`${process.pid}`));
  const refusal = await new Promise<unknown>((resolve) => {
    server.once("error", resolve);
    server.listen(name, () => resolve(undefined));
  });
  if (hasCode(refusal, "EADDRINUSE"))
    throw new DomainError("conflict", `another controller (pid ${await holderOf(name)}) runs HAProxy in ${directory}`);
  if (refusal) throw refusal;
  server.unref();
  return { [Symbol.dispose]: () => void server.close() };
}

const holderOf = (name: string): Promise<string> =>
  new Promise((resolve) => {
    let pid = "";
    const connection = connect(name, () => connection.end());
    connection.setTimeout(1000, () => connection.destroy());
    connection.on("data", (chunk) => {
      pid += chunk;
    });
    connection.on("error", () => {});
    connection.on("close", () => resolve(pid || "unknown"));
  });
