import { request } from "node:http";
import { createInterface } from "node:readline";

// Calls the control API from within a namespace: each line of standard input, `NUMBER PATH`, is a GET of 127.0.0.1:8080, answered with
// a line `NUMBER STATUS`. Many at a time.

createInterface(process.stdin).on("line", (line) => {
  const [number = "", path = ""] = line.split(" ");
  const answer = (status: number) => process.stdout.write(`${number} ${status}\n`);
  request({ host: "127.0.0.1", port: 8080, path, agent: false }, (response) => {
    response.resume().on("end", () => answer(response.statusCode ?? 0));
  })
    .on("error", () => answer(0))
    .end();
});
