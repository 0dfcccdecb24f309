/** Where a database may be, and what it speaks. */
export interface DatabaseAddress {
  readonly kind: "redis" | "mongodb";
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

const ports = { redis: 6379, mongodb: 27017 } as const;

/**
 * Of `DB`: a URL (`redis://`, `rediss://`, `mongodb://`, `mongodb+srv://`), or the name of a host, which may turn out to be either.
 * Throws an Error that says what is wrong with it.
 */
export function databaseAddresses(db: string): readonly DatabaseAddress[] {
  if (!db.includes("://")) return [addressOf("redis", db), addressOf("mongodb", db)];
  if (!URL.canParse(db))
    throw new Error(`DB is "${db}", which is no URL: give redis://HOST, mongodb://HOST or a host's name`);
  const { protocol, hostname, port } = new URL(db);
  const kind = /^rediss?:$/.test(protocol) ? "redis" : /^mongodb(\+srv)?:$/.test(protocol) ? "mongodb" : undefined;
  if (kind === undefined)
    throw new Error(`DB is "${db}", but only redis:// and mongodb:// are known: give one of these or a host's name`);
  return [{ kind, host: hostname, port: Number(port || ports[kind]), url: db }];
}

function addressOf(kind: DatabaseAddress["kind"], name: string): DatabaseAddress {
  const url = `${kind}://${name}`;
  if (!/^[\w.-]+(:\d+)?$/.test(name)) throw new Error(`DB is "${name}", which is no host's name: give a name or a URL`);
  const { hostname, port } = new URL(url);
  return { kind, host: hostname, port: Number(port || ports[kind]), url };
}
