import { createServer } from "node:http";
import { createInterface } from "node:readline";

// A swarm listener at 127.0.0.9:8080. Each question is a line on stdout, its path; its answer is the next line on stdin:
// `STATUS BODY`. Prints a line when it listens.

const answers = createInterface(process.stdin)[Symbol.asyncIterator]();

createServer(async ({ url }, response) => {
  process.stdout.write(`${url}\n`);
  const { value } = await answers.next();
  const [, status, body] = /^(\d+) (.*)$/.exec(value ?? "") ?? [];
  response.writeHead(Number(status), { "Content-Type": "application/json" }).end(body);
}).listen(8080, "127.0.0.9", () => process.stdout.write("listening\n"));
