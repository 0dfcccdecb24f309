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
    if (this.#open) await within(patienceMs, this.#forget(this.#open)).catch(() => {});
  }

  async #use<T>(work: (people: People) => Promise<T>): Promise<T> {
    this.#open ??= this.#connect(() => void this.#forget(open));
    const open = this.#open;
    try {
      return await within(patienceMs, open.then(work));
    } catch (error) {
      void this.#forget(open);
      throw error;
    }
  }

  /** What is open no longer serves: whoever needs it next opens another. Resolves when it is closed. */
  async #forget(open: Promise<People>): Promise<void> {
    if (this.#open !== open) return; // somebody has already
    this.#open = undefined;
    await open.then((people) => people.close()).catch(() => {});
  }

  async #connect(onClosed: () => void): Promise<People> {
    const { kind, url } = await Promise.any(this.#addresses.map(answering)).catch((error: AggregateError) => {
      throw error.errors[0];
    });
    return kind === "redis" ? openRedisPeople(url, onClosed) : openMongoPeople(url);
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

/** What the drivers' own timeouts leave out: a command that is sent already, and a greeting that nobody answers. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(new Error(`nothing came within ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
