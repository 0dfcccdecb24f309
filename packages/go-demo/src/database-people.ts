import { connect } from "node:net";
import { type DatabaseAddress, databaseAddresses } from "./database-address.ts";
import { openMongoPeople } from "./mongo-people.ts";
import { type People, patienceMs } from "./people.ts";
import { openRedisPeople } from "./redis-people.ts";

/**
 * People in the database that `DB` names. It may come and go: it is looked for when it is needed, and looked for again
 * after anything went wrong. The methods reject while it is away.
 */
export class DatabasePeople implements People {
  readonly #addresses: readonly DatabaseAddress[];
  #open: Promise<People> | undefined;

  constructor(db: string) {
    this.#addresses = databaseAddresses(db);
  }

  add(name: string): Promise<void> {
    return this.#use((people) => people.add(name));
  }

  names(): Promise<string[]> {
    return this.#use((people) => people.names());
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.then((people) => people.close()).catch(() => {});
  }

  async #use<T>(work: (people: People) => Promise<T>): Promise<T> {
    this.#open ??= this.#connect();
    const open = this.#open;
    try {
      return await work(await open);
    } catch (error) {
      if (this.#open === open) await this.close();
      throw error;
    }
  }

  async #connect(): Promise<People> {
    const { kind, url } = await Promise.any(this.#addresses.map(answering)).catch((error: AggregateError) => {
      throw error.errors[0];
    });
    return kind === "redis" ? openRedisPeople(url) : openMongoPeople(url);
  }
}

/** Rejects when nobody listens there. */
function answering(address: DatabaseAddress): Promise<DatabaseAddress> {
  if (address.url.startsWith("mongodb+srv:")) return Promise.resolve(address); // the driver finds the host
  return new Promise((resolve, reject) => {
    const { host, port } = address;
    const socket = connect({ host, port });
    socket.setTimeout(patienceMs, () => socket.destroy(new Error(`connect ETIMEDOUT ${host}:${port}`)));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve(address);
    });
  });
}
