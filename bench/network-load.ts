import type { CommandResult } from "@skep/testkit";

/** Runs a client where a path begins. */
export type Run = (command: readonly string[]) => Promise<CommandResult>;

export interface Load {
  /** One connection per client, kept open. */
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** A new connection for each request. */
  readonly connectionsPerSecond: number;
}

/** `wrk`, then `ab`, with 16 clients each. */
export async function requests(run: Run, host: string, port: number): Promise<Load> {
  const url = `http://${host}:${port}/`;
  const kept = await must(run, ["wrk", "-t1", "-c16", "-d1s", "--latency", url]);
  const fresh = await must(run, ["ab", "-q", "-n", "3000", "-c", "16", url]);
  const failed = /Socket errors|Non-2xx/.exec(kept)?.[0] ?? /Failed requests: +[1-9].*|Non-2xx/.exec(fresh)?.[0];
  if (failed !== undefined) throw new Error(`requests to ${url} failed: ${failed}\n${kept}${fresh}`);
  return {
    perSecond: number(kept, /Requests\/sec: +([\d.]+)/),
    p50Us: micros(kept, 50),
    p99Us: micros(kept, 99),
    connectionsPerSecond: number(fresh, /Requests per second: +([\d.]+)/),
  };
}

/** Gbit/s of one TCP connection, from the client to the server. */
export async function bulk(run: Run, host: string, port: number): Promise<number> {
  const answer = await must(run, ["iperf3", "--client", host, "--port", `${port}`, "--time", "1", "--json"]);
  const { end } = JSON.parse(answer) as {
    readonly end: { readonly sum_received: { readonly bits_per_second: number } };
  };
  return end.sum_received.bits_per_second / 1e9;
}

async function must(run: Run, command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: exit ${code}: ${stderr}${stdout}`);
  return stdout;
}

function number(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`no ${pattern} in: ${text}`);
  return Number(found);
}

/** wrk's latency distribution: `50%  181.00us`, `99%    2.09ms`. */
function micros(text: string, percent: number): number {
  const unit = new RegExp(`^ +${percent}% +[\\d.]+(us|ms|s)$`, "m").exec(text)?.[1];
  const factor = { us: 1, ms: 1e3, s: 1e6 }[unit ?? ""] ?? Number.NaN;
  return factor * number(text, new RegExp(`^ +${percent}% +([\\d.]+)`, "m"));
}
