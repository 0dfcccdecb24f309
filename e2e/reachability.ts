import type { Answer } from "./clients.ts";

/**
 * - `open`: a program answers
 * - `closed`: somebody is there, and says that nothing listens
 * - `none`: no way there, refused on it or lost
 * - `no name`: nothing is called so
 */
export type Reach = "open" | "closed" | "none" | "no name";

export interface Source {
  readonly name: string;
  readonly kind: "container" | "node" | "outside";
  /** Of a container; without the ingress network, which leads to nobody else. */
  readonly networks: readonly string[];
  readonly addresses: readonly string[];
  readonly node?: string;
  /** Whether it has a way out. */
  readonly egress: boolean;
}

export interface Target {
  readonly name: string;
  readonly kind: "name" | "overlay" | "node";
  /** Those it is reached by; a name is known on. */
  readonly networks: readonly string[];
  readonly host: string;
  /** Of a node. */
  readonly node?: string;
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  /** What somebody finds there who gets there. */
  readonly there: "open" | "closed";
}

/** Requirements 3 and 4 in one function: who shares a network, and what is published. */
export function expected(source: Source, target: Target): Reach {
  if (target.kind === "node") return expectedOfNode(source, target);
  if (source.addresses.includes(target.host)) return target.there;
  const shares = target.networks.some((network) => source.networks.includes(network));
  if (shares) return target.there;
  return target.kind === "name" ? "no name" : "none";
}

function expectedOfNode(source: Source, target: Target): Reach {
  if (source.kind !== "container") return target.there;
  if (!source.egress) return "none";
  if (target.there === "open") return "open";
  // a container gets to its own node by what is published alone; other nodes are outside
  return source.node === target.node ? "none" : "closed";
}

export function reachOf(answer: Answer | undefined): Reach {
  if (answer === undefined) return "none";
  if ("line" in answer) return "open";
  if (answer.error === "ECONNREFUSED") return "closed";
  return answer.error === "NONAME" ? "no name" : "none";
}

export interface Cell {
  readonly source: Source;
  readonly target: Target;
  readonly reach: Reach;
}

/** The rows and columns of a matrix that have a failing cell, `GOT!WANTED` in it; empty when none has. */
export function renderFailures(cells: readonly Cell[]): string {
  const failed = cells.filter(({ source, target, reach }) => reach !== expected(source, target));
  if (failed.length === 0) return "";
  const columns = [...new Set(failed.map(({ source }) => source.name))];
  const rows = Map.groupBy(failed, ({ target }) => describe(target));
  const table = [["to \\ from", ...columns]];
  for (const [row, here] of rows)
    table.push([
      row,
      ...columns.map((column) => {
        const cell = here.find(({ source }) => source.name === column);
        return cell ? `${cell.reach}!${expected(cell.source, cell.target)}` : ".";
      }),
    ]);
  const widths = (table[0] ?? []).map((_, at) => Math.max(...table.map((row) => (row[at] ?? "").length)));
  return table
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const describe = ({ name, protocol, port }: Target) => `${name} ${protocol}/${port}`;
