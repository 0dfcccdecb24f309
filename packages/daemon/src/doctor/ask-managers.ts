import { connect } from "node:http2";
import type { Clock } from "@skep/model";
import type { ManagerAnswer } from "./checks.ts";

const patienceMs = 3_000;

/** Asks each manager for what it tells everybody, and looks at its clock. */
export const askManagers = (addrs: readonly string[], clock: Clock): Promise<ManagerAnswer[]> =>
  Promise.all(addrs.map((addr) => askManager(addr, clock)));

async function askManager(addr: string, clock: Clock): Promise<ManagerAnswer> {
  const session = connect(`https://${addr}`, { rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  const { promise, resolve } = Promise.withResolvers<ManagerAnswer>();
  const fail = (error: string) => resolve({ addr, error });
  session.setTimeout(patienceMs, () => fail(`no answer within ${patienceMs / 1000} s`));
  session.on("error", (error) => fail(error.message));
  const request = session.request({ ":method": "GET", ":path": "/ca" });
  request.on("error", (error) => fail(error.message));
  request.on("response", ({ date }) => {
    const theirs = Date.parse(String(date));
    resolve({ addr, ...(Number.isFinite(theirs) && { skewMs: toTheSecond(clock.now() - theirs) }) });
  });
  request.resume();
  try {
    return await promise;
  } finally {
    session.destroy();
  }
}

/** The header has whole seconds: less than one apart says nothing. */
const toTheSecond = (ms: number) => (Math.abs(ms) < 2000 ? 0 : ms);
