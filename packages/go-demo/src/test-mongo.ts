import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { BSON } from "mongodb";

const opReply = 1;
const opMessage = 2013;
const headerBytes = 16;
const hello = { ok: 1, isWritablePrimary: true, maxWireVersion: 21, minWireVersion: 0, helloOk: true };

type Document = Readonly<Record<string, unknown>>;

/** As much of MongoDB as one collection needs, spoken to by the real driver: there is no MongoDB in Debian. */
export class TestMongo implements Disposable {
  readonly documents = new Map<unknown, Document>();
  /** `update test.people` */
  readonly asked: string[] = [];
  /** Commands are taken, and not answered. */
  isSilent = false;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#serve(socket));

  static async start(): Promise<TestMongo> {
    const mongo = new TestMongo();
    mongo.#server.listen(0, "127.0.0.1");
    await once(mongo.#server, "listening");
    return mongo;
  }

  get url(): string {
    return `mongodb://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {}); // a client that goes away
    let read = Buffer.alloc(0);
    socket.on("data", (data) => {
      read = Buffer.concat([read, data]);
      while (read.length >= headerBytes && read.length >= read.readInt32LE(0)) {
        const message = read.subarray(0, read.readInt32LE(0));
        read = read.subarray(message.length);
        const answer = this.#answer(message);
        if (answer) socket.write(answer);
      }
    });
  }

  #answer(message: Buffer): Buffer | undefined {
    const id = message.readInt32LE(4);
    if (message.readInt32LE(12) === opMessage) {
      const result = this.#run(commandOf(message));
      return result && framed(id, opMessage, Buffer.concat([Buffer.alloc(5), BSON.serialize(result)]));
    }
    // the first question of a connection is of the oldest kind
    const fields = Buffer.alloc(20);
    fields.writeInt32LE(1, 16); // one document
    return framed(id, opReply, Buffer.concat([fields, BSON.serialize(hello)]));
  }

  #run(command: Document): Document | undefined {
    const [name = ""] = Object.keys(command);
    if (/^hello$/i.test(name)) return hello;
    if (this.isSilent) return undefined;
    const ns = `${command.$db}.${command[name]}`;
    this.asked.push(`${name} ${ns}`);
    if (name === "find") return { ok: 1, cursor: { id: BSON.Long.ZERO, ns, firstBatch: [...this.documents.values()] } };
    if (name !== "update") return { ok: 1 };
    const [update] = command.updates as { q: { _id: unknown }; u: { $set: Document } }[];
    const { q, u } = update ?? { q: { _id: undefined }, u: { $set: {} } };
    this.documents.set(q._id, { ...this.documents.get(q._id), ...q, ...u.$set });
    return { ok: 1, n: 1, nModified: 0 };
  }
}

function framed(answered: number, opcode: number, body: Buffer): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeInt32LE(headerBytes + body.length, 0);
  header.writeInt32LE(answered, 8);
  header.writeInt32LE(opcode, 12);
  return Buffer.concat([header, body]);
}

/** A body, and lists of documents that belong into it. */
function commandOf(message: Buffer): Document {
  const command: Record<string, unknown> = {};
  let at = headerBytes + 4;
  while (at < message.length) {
    const isBody = message[at++] === 0;
    const size = message.readInt32LE(at);
    const section = message.subarray(at, at + size);
    if (isBody) Object.assign(command, BSON.deserialize(section));
    else {
      const end = section.indexOf(0, 4);
      command[section.toString("utf8", 4, end)] = documentsIn(section.subarray(end + 1));
    }
    at += size;
  }
  return command;
}

function documentsIn(bytes: Buffer): Document[] {
  const documents: Document[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at))
    documents.push(BSON.deserialize(bytes.subarray(at, at + bytes.readInt32LE(at))));
  return documents;
}
