import { execFile } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { openKernel } from "@skep/network";
import { ask } from "./dns-question.ts";
import type { DumpRequest, NamespaceDump, NodeDump } from "./node-dump-types.ts";

// Runs inside a node as a process of its own, and tells what is there: one line of JSON for each line it is given. What
// it says comes from the operator's own tools, `ip`, `bridge` and `nft`, not from skep's code.

const run = promisify(execFile);
const kernel = openKernel();

const script = `
printf 'addr show\\nroute show table all\\nneigh show nud permanent\\nrule show\\n' | ip -j -d -batch -
bridge -j fdb show
for table in "$@"; do nft -j list table $table 2>/dev/null || echo '{"nftables":[]}'; done
`;

async function dumpNamespace(name: string | undefined, tables: readonly string[]): Promise<NamespaceDump> {
  const enter = name === undefined ? [] : ["nsenter", `--net=/run/netns/${name}`];
  const [file = "", ...args] = [...enter, "sh", "-c", script, "sh", ...tables];
  const { stdout } = await run(file, args, { maxBuffer: 64 << 20 });
  const [links = [], routes = [], neighbours = [], rules = [], fdb = [], ...nft] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { links, routes, neighbours, rules, fdb, nft: nft.flatMap(({ nftables }) => nftables) };
}

function routerNames(): string[] {
  try {
    return readdirSync("/run/netns").filter((name) => name.startsWith("skep-"));
  } catch {
    return []; // there was never one
  }
}

/** Of processes of this node: what lives in a namespace without a name. */
function inodes(): string[] {
  const found = new Set<string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      found.add(readlinkSync(`/proc/${pid}/ns/net`));
    } catch {
      // it has ended
    }
  }
  return [...found];
}

async function dump({ questions }: DumpRequest): Promise<NodeDump> {
  const names = routerNames();
  const [host, routers, answers] = await Promise.all([
    dumpNamespace(undefined, ["ip skep", "ip skepraw", "netdev skep"]),
    Promise.all(names.map(async (name) => [name, await dumpNamespace(name, ["ip skep", "netdev skep"])] as const)),
    Promise.all(questions.map(({ pid, names: asked }) => ask(kernel, pid, asked).catch((error) => `${error}`))),
  ]);
  return { host, routers: Object.fromEntries(routers), answers, namespaces: inodes().length };
}

for await (const line of createInterface(process.stdin)) {
  try {
    process.stdout.write(`${JSON.stringify({ dump: await dump(JSON.parse(line)) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: `${error instanceof Error ? error.stack : error}` })}\n`);
  }
}
process.exit(0);
