import { createClient } from "@redis/client";
import { type People, patienceMs } from "./people.ts";

/** A sorted set: by the moment at which each name came first. */
const key = "people";

/** `onClosed` is told when the connection has gone, which nothing here repairs. */
export async function openRedisPeople(url: string, onClosed: () => void): Promise<People> {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: patienceMs, reconnectStrategy: false },
    commandOptions: { timeout: patienceMs },
  });
  client.on("error", onClosed);
  const late = setTimeout(() => client.destroy(), patienceMs); // connectTimeout ends before the greeting
  await client.connect().finally(() => clearTimeout(late));
  return {
    async add(name) {
      await client.zAdd(key, { score: Date.now(), value: name }, { condition: "NX" });
    },
    names: () => client.zRange(key, 0, -1),
    async close() {
      client.destroy();
    },
  };
}
