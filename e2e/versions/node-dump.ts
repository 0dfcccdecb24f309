import { execFile } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { openKernel } from "@skep/network";
import { ask } from "./dns-question.ts";
import type { DumpRequest, NamespaceDump, NodeDump } from "./node-dump-types.ts";

// Runs inside a node as a process of its own, and tells what is there: one line of JSON for each line it is given. What
// it says comes from the operator's own tools, `ip`, `bridge`, `tc` and `nft`, not from skep's code.

const run = promisify(execFile);
const kernel = openKernel();

const script = `
printf 'addr show\\nroute show table all\\nneigh show nud permanent\\nrule show\\n' | ip -j -d -batch -
bridge -j fdb show
tc -j qdisc show
for table in "$@"; do nft -j list table $table 2>/dev/null || echo '{"nftables":[]}'; done
`;

async function dumpNamespace(name: string | undefined, tables: readonly string[]): Promise<NamespaceDump> {
  const enter = name === undefined ? [] : ["nsenter", `--net=/run/netns/${name}`];
  const [file = "", ...args] = [...enter, "sh", "-c", script, "sh", ...tables];
  const { stdout } = await run(file, args, { maxBuffer: 64 << 20 });
  const [links = [], routes = [], neighbours = [], rules = [], fdb = [], disciplines = [], ...nft] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { links, routes, neighbours, rules, fdb, disciplines, nft: nft.flatMap(({ nftables }) => nftables) };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // there was never one
  }
}

/** How many there are in which a process of this node lives, with or without a name. */
function livedIn(): number {
  const found = new Set<string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      found.add(readlinkSync(`/proc/${pid}/ns/net`));
    } catch {
      // it has ended
    }
  }
  return found.size;
}

async function dump({ questions }: DumpRequest): Promise<NodeDump> {
  const namespaces = namesIn("/run/netns");
  const names = namespaces.filter((name) => name.startsWith("skep-"));
  const [host, routers, answers, ruleset] = await Promise.all([
    dumpNamespace(undefined, ["ip skep", "ip skepraw", "netdev skep"]),
    Promise.all(names.map(async (name) => [name, await dumpNamespace(name, ["ip skep", "netdev skep"])] as const)),
    Promise.all(questions.map(({ pid, names: asked }) => ask(kernel, pid, asked).catch((error) => `${error}`))),
    run("nft", ["-s", "list", "ruleset"]),
  ]);
  const things = [
    ...namespaces.map((name) => `namespace ${name}`),
    ...namesIn("/run/skep/sandboxes").map((name) => `sandbox ${name}`),
    `processes in ${livedIn()} namespaces`,
  ];
  return { host, routers: Object.fromEntries(routers), answers, ruleset: ruleset.stdout.split("\n"), things };
}

for await (const line of createInterface(process.stdin)) {
  try {
    process.stdout.write(`${JSON.stringify({ dump: await dump(JSON.parse(line)) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: `${error instanceof Error ? error.stack : error}` })}\n`);
  }
}
process.exit(0);
