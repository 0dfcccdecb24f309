import { createClient } from "@redis/client";
import { type People, patienceMs } from "./people.ts";

/** A sorted set: by the moment at which each name came first. */
const key = "people";

export async function openRedisPeople(url: string): Promise<People> {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: patienceMs, reconnectStrategy: false },
    commandOptions: { timeout: patienceMs },
  });
  client.on("error", () => {}); // each command says so itself
  await client.connect();
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
