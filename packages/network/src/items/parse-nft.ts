import { balancerForm, chainForm } from "./form.ts";
import type { ElementItem, Hook, Item, ItemKey } from "./item.ts";
import { keyOf } from "./item.ts";
import { type Held, held } from "./plan.ts";

/** What a table of ours holds, of nft's answer to `list table`. */
export function parseTable(answer: unknown): Map<ItemKey, Held> {
  const found = new Map<ItemKey, Held>();
  const rules = new Map<string, Rule[]>();
  const put = (item: Item, form?: string) => found.set(keyOf(item), form === undefined ? held(item) : { item, form });
  for (const entry of (answer as Answer).nftables) {
    if (entry.table) put({ kind: "table", table: `${entry.table.family} ${entry.table.name}` });
    const set = entry.set ?? entry.map;
    if (set) {
      const table = `${set.family} ${set.table}`;
      put({ kind: "set", table, name: set.name, type: setType(set) });
      for (const element of set.elem ?? []) put(parseElement(table, set.name, element));
    }
    if (entry.rule) {
      const chain = `${entry.rule.family} ${entry.rule.table} ${entry.rule.chain}`;
      const list = rules.get(chain) ?? [];
      rules.set(chain, list);
      list.push(entry.rule);
    }
  }
  for (const { chain } of (answer as Answer).nftables) {
    if (!chain) continue;
    const table = `${chain.family} ${chain.table}`;
    put(...parseChain(table, chain, rules.get(`${table} ${chain.name}`) ?? []));
  }
  return found;
}

interface Answer {
  readonly nftables: readonly {
    readonly table?: { readonly family: string; readonly name: string };
    readonly set?: SetEntry;
    readonly map?: SetEntry;
    readonly chain?: ChainEntry;
    readonly rule?: Rule;
  }[];
}

interface Named {
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

interface SetEntry extends Named {
  readonly type: string | readonly string[];
  readonly map?: string | readonly string[];
  readonly flags?: string | readonly string[];
  readonly elem?: readonly unknown[];
}

interface ChainEntry extends Named {
  readonly type?: Hook["type"];
  readonly hook?: Hook["hook"];
  readonly prio?: number;
  readonly policy?: Hook["policy"];
}

interface Rule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly comment?: string;
  readonly expr: readonly unknown[];
}

const list = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === "string" ? [value] : value;

function setType({ type, map, flags }: SetEntry): string {
  // nft tells the type of a zone as that of any number, and takes it by an expression only
  if (map === "integer") return zoneMap;
  const base = `type ${list(type).join(" . ")}${map ? ` : ${list(map).join(" . ")}` : ""}`;
  const kept = list(flags).filter((flag) => flag === "interval");
  return kept.length > 0 ? `${base}; flags ${kept.join(",")}` : base;
}

/** The one type of map that has to be written by expressions: MAC address → conntrack zone. */
export const zoneMap = "typeof ether saddr : ct zone";

function parseElement(table: string, set: string, element: unknown): ElementItem {
  if (!Array.isArray(element)) return { kind: "element", table, set, key: plain(element) };
  const [key, value] = element as [unknown, unknown];
  return { kind: "element", table, set, key: plain(key), value: plain(value) };
}

/** A value as it is written in a script. */
function plain(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  const { concat, prefix, goto, elem } = value as ValueEntry;
  if (concat)
    return concat.map((part, i) => (i === 0 && typeof part === "number" ? protocol(part) : plain(part))).join(" . ");
  if (prefix) return `${prefix.addr}/${prefix.len}`;
  if (goto) return `goto ${goto.target}`;
  if (elem) return plain(elem.val);
  return JSON.stringify(value);
}

interface ValueEntry {
  readonly concat?: readonly unknown[];
  readonly prefix?: { readonly addr: string; readonly len: number };
  readonly goto?: { readonly target: string };
  readonly elem?: { readonly val: unknown };
}

/** A machine without /etc/protocols has numbers only. */
const protocol = (number: number) => ({ 6: "tcp", 17: "udp", 132: "sctp" })[number] ?? String(number);

function parseChain(table: string, chain: ChainEntry, rules: readonly Rule[]): [Item, string] {
  const { name, type, hook: point, prio, policy } = chain;
  if (type && point && prio !== undefined && policy) {
    const hook: Hook = { type, hook: point, priority: prio, policy };
    return [{ kind: "chain", table, name, hook, rules: [] }, chainForm(hook, rules.map(commentOf))];
  }
  const balancer = rules.length === 0 ? { targets: [] } : rules.length === 1 && parseBalancer(rules[0]?.expr ?? []);
  if (!balancer) return [{ kind: "chain", table, name, rules: [] }, chainForm(undefined, rules.map(commentOf))];
  const { targets, to } = balancer as Balancing;
  return [{ kind: "balancer", table, name, targets, ...(to && { to }) }, balancerForm(to, targets)];
}

/** A rule that passes packets on to a device which has gone holds its number for ever, whatever takes its name. */
const commentOf = ({ comment, expr }: Rule) =>
  comment === undefined || expr.some(leadsNowhere) ? JSON.stringify(expr) : comment;

const leadsNowhere = (expression: unknown) => /^\d+$/.test((expression as RuleEntry).fwd?.dev ?? "");

interface Balancing {
  readonly targets: readonly string[];
  readonly to?: { readonly protocol: string; readonly port: number };
}

/** Of `[meta l4proto P] dnat to numgen inc mod N map { … }[:port]`; undefined for any other rule. */
function parseBalancer(expressions: readonly unknown[]): Balancing | undefined {
  const [first, second] = expressions as [RuleEntry, RuleEntry?];
  const match = second && first.match;
  const dnat = (second ?? first).dnat;
  const map = dnat?.addr?.map;
  const pairs = map?.data?.set;
  if (expressions.length > 2 || (second && !match) || !Array.isArray(pairs)) return undefined;
  if (map?.key?.numgen?.mode !== "inc" || map.key.numgen.mod !== pairs.length) return undefined;
  const targets = pairs.map(([, address]) => String(address));
  const right = match?.right;
  const to = match && { protocol: typeof right === "number" ? protocol(right) : String(right), port: dnat?.port ?? 0 };
  return to ? { targets, to } : { targets };
}

interface RuleEntry {
  readonly fwd?: { readonly dev?: string };
  readonly match?: { readonly right?: unknown };
  readonly dnat?: {
    readonly port?: number;
    readonly addr?: {
      readonly map?: {
        readonly key?: { readonly numgen?: { readonly mode: string; readonly mod: number } };
        readonly data?: { readonly set?: readonly [number, unknown][] };
      };
    };
  };
}
