import { flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { Database } from "./database.ts";
import { failureOf } from "./file-failure.ts";
import type { Reply, Request } from "./protocol.ts";

/** The thread's whole life: opens the file named by `workerData`, answers requests until it is told to close. */
function serve(): void {
  if (!parentPort) throw new Error("to be started as a worker thread");
  const port = parentPort;
  const reply = (message: Reply) => port.postMessage(message);
  const attempt = (act: () => Reply) => {
    try {
      reply(act());
    } catch (err) {
      reply({ is: "failed", failure: failureOf(err) });
    }
  };

  let database: Database | undefined;
  attempt(() => {
    database = new Database(String(workerData));
    return { is: "opened", revision: database.revision };
  });
  if (!database) return;
  const opened = database;
  port.on("message", (request: Request) => {
    if (request.do === "stage") opened.stage(request.rows);
    else attempt(() => answer(opened, request));
    if (request.do === "close") port.close();
  });
}

function answer(database: Database, request: Exclude<Request, { readonly do: "stage" }>): Reply {
  switch (request.do) {
    case "read":
      return { is: "rows", rows: database.read() };
    case "commit":
      database.commit(request.rows, request.revision);
      return { is: "done" };
    case "close":
      database.close();
      return { is: "done" };
  }
}

serve();
flushCompileCache(); // not at the end, which may be a SIGKILL
