import { createSocket } from "node:dgram";
import { once } from "node:events";

export const serverFailure = 2;
const nameError = 3;

/** Answers each question with the addresses or the response code of its name. Docker's own answers live for 600 s, so do these. */
export async function startNameServer(
  records: Record<string, readonly string[] | number>,
  { address = "127.0.0.1", port = 0, delayMs = 0 } = {},
) {
  const socket = createSocket("udp4");
  let questions = 0;
  socket.on("message", (question, from) => {
    questions++;
    const [name, end] = nameIn(question);
    const record = records[name] ?? nameError;
    const addresses = typeof record === "number" ? [] : record;
    const header = Buffer.from(question.subarray(0, 12));
    header.writeUInt16BE(0x8180 + (typeof record === "number" ? record : 0), 2);
    header.writeUInt16BE(addresses.length, 6);
    header.writeUInt32BE(0, 8);
    const answers = addresses.map((address) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0x02, 0x58, 0, 4, ...address.split(".").map(Number)]),
    );
    const answer = Buffer.concat([header, question.subarray(12, end), ...answers]);
    setTimeout(() => socket.send(answer, from.port, from.address), delayMs);
  });
  socket.bind(port, address);
  await once(socket, "listening");
  return {
    address: `${address}:${socket.address().port}`,
    records,
    questions: () => questions,
    [Symbol.dispose]: () => socket.close(),
  };
}

function nameIn(question: Buffer): [string, number] {
  const labels: string[] = [];
  let at = 12;
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return [labels.join("."), at + 5];
}
