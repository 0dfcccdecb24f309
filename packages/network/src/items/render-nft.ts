import { fingerprint } from "./form.ts";
import type { BalancerItem, ChainItem, ElementItem, Hook, Item, SetItem } from "./item.ts";
import { heldBy, type ItemChange, planItems } from "./plan.ts";

/** How far a balancer's targets are turned, by the chain's table and name; asked once for each rewrite. */
export type Turn = (chain: string) => number;

/**
 * The nft commands that carry the changes out, as one transaction; empty when there are none. What is referred to comes
 * before what refers to it, and the other way round where things go.
 */
export function renderNft(
  changes: readonly ItemChange[],
  turn: Turn,
  { mayExist = false }: RenderOptions = {},
): string {
  const script = new Script(mayExist);
  for (const change of changes) renderChange(change, turn, script);
  return script.text();
}

export interface RenderOptions {
  /** What is new may be there all the same, with other rules. */
  readonly mayExist?: boolean;
}

/** The whole of what the items ask of nftables, as for an empty namespace. */
export const renderWhole = (items: Iterable<Item>, turn: Turn): string =>
  renderNft(planItems(new Map(), heldBy(items)), turn);

/** The lines of a transaction, by the order in which nft has to see them. */
class Script {
  readonly tables: string[] = [];
  readonly unlinked = new Map<string, string[]>();
  readonly sets: string[] = [];
  readonly chains: string[] = [];
  readonly rules: string[] = [];
  readonly linked = new Map<string, string[]>();
  readonly dropped: string[] = [];
  readonly droppedTables: string[] = [];
  readonly mayExist: boolean;

  constructor(mayExist: boolean) {
    this.mayExist = mayExist;
  }

  text(): string {
    return [
      ...this.tables,
      ...elementLines("delete", this.unlinked),
      ...this.sets,
      ...this.chains,
      ...this.rules,
      ...elementLines("add", this.linked),
      ...this.dropped,
      ...this.droppedTables,
    ]
      .map((line) => `${line}\n`)
      .join("");
  }
}

function renderChange({ before, after }: ItemChange, turn: Turn, script: Script): void {
  const was = before?.item;
  const now = after?.item;
  if (was?.kind === "element") collect(script.unlinked, was);
  if (now?.kind === "element") collect(script.linked, now);
  if (now?.kind === "table") script.tables.push(`add table ${now.table}`);
  else if (was?.kind === "table") script.droppedTables.push(`delete table ${was.table}`);
  if (now?.kind === "set") {
    if (was?.kind === "set") script.sets.push(`delete ${setName(was)}`);
    script.sets.push(`add ${setName(now)} { ${now.type}; }`);
  } else if (was?.kind === "set") script.dropped.push(`delete ${setName(was)}`);
  if (isChain(now)) renderChain(isChain(was) ? was : undefined, now, turn, script);
  else if (isChain(was)) {
    script.rules.push(`flush chain ${was.table} ${was.name}`);
    script.dropped.push(`delete chain ${was.table} ${was.name}`);
  }
}

function renderChain(was: Chain | undefined, now: Chain, turn: Turn, script: Script): void {
  const name = `${now.table} ${now.name}`;
  const hook = hookText(now);
  const rehooked = was !== undefined && hookText(was) !== hook;
  if (was) (rehooked ? script.chains : script.rules).push(`flush chain ${name}`);
  if (rehooked) script.chains.push(`delete chain ${name}`);
  if (!was || rehooked) script.chains.push(`add chain ${name}${hook && ` { ${hook} }`}`);
  if (!was && script.mayExist) script.chains.push(`flush chain ${name}`);
  script.rules.push(...rulesOf(now, turn).map((rule) => `add rule ${name} ${rule}`));
}

type Chain = ChainItem | BalancerItem;
const isChain = (item: Item | undefined): item is Chain => item?.kind === "chain" || item?.kind === "balancer";

const rulesOf = (chain: Chain, turn: Turn): readonly string[] =>
  chain.kind === "chain"
    ? chain.rules.map((rule) => `${rule} comment "${fingerprint(rule)}"`)
    : balancerRule(chain, turn(`${chain.table} ${chain.name}`));

/** Exact rotation: the n-th new connection goes to target n mod N. A rewritten rule counts from 0 again. */
function balancerRule({ targets, to }: BalancerItem, turn: number): string[] {
  const count = targets.length;
  if (count === 0) return [];
  const turned = targets.map((_, i) => targets[(i + turn) % count]);
  const map = `numgen inc mod ${count} map { ${turned.map((target, i) => `${i} : ${target}`).join(", ")} }`;
  return [to ? `meta l4proto ${to.protocol} dnat to ${map}:${to.port}` : `dnat to ${map}`];
}

function collect(lines: Map<string, string[]>, { table, set, key, value }: ElementItem): void {
  const name = `${table} ${set}`;
  const elements = lines.get(name) ?? [];
  lines.set(name, elements);
  elements.push(value === undefined ? key : `${key} : ${value}`);
}

const elementLines = (verb: string, lines: ReadonlyMap<string, string[]>) =>
  [...lines].map(([name, elements]) => `${verb} element ${name} { ${elements.join(", ")} }`);

const setName = ({ type, table, name }: SetItem) => `${type.includes(":") ? "map" : "set"} ${table} ${name}`;

function hookText(chain: Chain): string {
  const hook: Hook | undefined = chain.kind === "chain" ? chain.hook : undefined;
  if (!hook) return "";
  const device = hook.device ? ` device "${hook.device}"` : "";
  return `type ${hook.type} hook ${hook.hook}${device} priority ${hook.priority}; policy ${hook.policy};`;
}
