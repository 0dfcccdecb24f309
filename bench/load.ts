import { availableParallelism } from "node:os";
import { runCommand } from "@skep/testkit";
import { percentile } from "./report.ts";

/** From where the load comes and where it goes; `enter` makes a command one that runs there. */
export interface Path {
  readonly name: string;
  readonly enter: (command: readonly string[]) => readonly string[];
  readonly host: string;
  readonly port: number;
  /** Where an iperf3 server listens. */
  readonly bulkPort: number;
}

/** What a second of each kind of load came to, round by round. */
export interface Load {
  /** Requests on 16 connections that are kept, and how long each took in µs. */
  readonly kept: Kept[];
  /** Requests with a connection each, 16 at a time. */
  readonly fresh: number[];
  /** Gbit/s on one connection. */
  readonly bulk: number[];
}

export interface Kept {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
}

const parallel = "16";

/** Every path in turn, again and again, so that whatever else the machine does meets all of them alike. */
export async function measurePaths(paths: readonly Path[], rounds: number): Promise<ReadonlyMap<Path, Load>> {
  const loads = new Map<Path, Load>(paths.map((path) => [path, { kept: [], fresh: [], bulk: [] }]));
  for (let round = 0; round < rounds; round++) {
    // the other way round every other time: who comes first finds the machine otherwise than who comes last
    const turn = round % 2 === 0 ? [...loads] : [...loads].reverse();
    for (const [path, { kept }] of turn) kept.push(await keepAlive(path));
    for (const [path, { fresh }] of turn) fresh.push(await newConnections(path));
    for (const [path, own] of turn) own.bulk.push(await bulk(path));
  }
  return loads;
}

/** The median of the rounds' own ratios: what slows a whole round down is in both of its figures. */
export const ratio = (values: readonly number[], others: readonly number[]): number =>
  percentile(
    values.map((value, round) => value / (others[round] ?? Number.NaN)),
    50,
  );

async function keepAlive(path: Path): Promise<Kept> {
  const out = await run(path, ["wrk", "-t1", `-c${parallel}`, "-d1s", "--latency", url(path)]);
  if (/Socket errors|Non-2xx/.test(out)) throw new Error(`${path.name}: ${out}`);
  const requests = Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1]);
  return { requests, p50: latency(out, 50), p99: latency(out, 99) };
}

/** Of wrk's "99%    1.25ms", in µs. */
function latency(out: string, percent: number): number {
  const [, value, unit = ""] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(out) ?? [];
  const scale = { us: 1, ms: 1000, s: 1_000_000 }[unit];
  return Number(value) * (scale ?? Number.NaN);
}

async function newConnections(path: Path): Promise<number> {
  const out = await run(path, ["ab", "-q", "-t", "1", "-n", "1000000", "-c", parallel, url(path)]);
  if (!/Failed requests:\s+0\n/.test(out)) throw new Error(`${path.name}: ${out}`);
  return Number(/Requests per second:\s+([\d.]+)/.exec(out)?.[1]);
}

async function bulk(path: Path): Promise<number> {
  const out = await run(path, ["iperf3", "-c", path.host, "-p", `${path.bulkPort}`, "-t", "1", "-J"]);
  const { end } = JSON.parse(out) as { readonly end: { readonly sum_received: { readonly bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e9;
}

const url = ({ host, port }: Path) => `http://${host}:${port}/`;

async function run(path: Path, command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(path.enter(onProcessor("clients", command)), { timeoutMs: 20_000 });
  if (code !== 0) throw new Error(`${path.name}: ${command.join(" ")}: exit ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** Clients and servers have a processor each: where the scheduler puts them would be most of the noise. */
export function onProcessor(who: "clients" | "servers", command: readonly string[]): readonly string[] {
  const last = Math.min(availableParallelism(), 2) - 1;
  return ["taskset", "-c", `${who === "clients" ? 0 : last}`, ...command];
}
