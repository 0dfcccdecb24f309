/** Writes to the store at argv[2] until it is killed; prints the key of every transaction once it is durable. */
import { newId, type ServiceId, silentLogger, systemClock } from "@skep/model";
import { EmbeddedStore } from "../src/embedded/embedded-store.ts";
import { service } from "./objects.ts";

const path = process.argv[2];
if (path === undefined) throw new Error("usage: crash-writer.ts PATH");
const store = await EmbeddedStore.open(path, { clock: systemClock, logger: silentLogger });

await Promise.all(Array.from({ length: 8 }, write));

/** Every transaction writes three new objects, and names itself in one that all of them share. */
async function write(): Promise<void> {
  for (;;) {
    const key = newId();
    await store.update((tx) => {
      for (const part of ["x", "y", "z"]) tx.put("service", service(`${key}-${part}`));
      const last = tx.get("service", "last") ?? service("last");
      tx.put("service", { ...last, id: "last" as ServiceId, spec: { ...last.spec, Name: key } });
    });
    process.stdout.write(`${key}\n`);
  }
}
