// nftables for tests: understands the commands that skep gives, and tells what it holds as `nft -j` does.

interface Chain {
  readonly hook: Readonly<Record<string, unknown>>;
  rules: string[];
}

interface FakeSet {
  readonly type: string;
  readonly elements: Map<string, string | undefined>;
}

interface Table {
  readonly sets: Map<string, FakeSet>;
  readonly chains: Map<string, Chain>;
}

export class FakeNft {
  #tables = new Map<string, Table>();

  /** All or nothing, as nft. */
  run(script: string): void {
    const before = structuredClone(this.#tables);
    try {
      for (const line of script.split("\n").filter(Boolean)) this.#command(line);
      this.#checkReferences();
    } catch (error) {
      this.#tables = before;
      throw error;
    }
  }

  /** Answers `list table FAMILY NAME`; other commands find nothing. */
  json(command: string): unknown {
    const [, key = ""] = /^list table (\S+ \S+)$/.exec(command) ?? [];
    const table = this.#tables.get(key);
    return table && { nftables: [...listTable(key, table)] };
  }

  /** What an operator would see, without what has no influence: order of sets and turn of balancers. */
  text(): string {
    return [...this.#tables]
      .flatMap(([key, { sets, chains }]) => [
        `table ${key}`,
        ...[...sets].map(([name, { type, elements }]) => ` set ${name} { ${type} } ${sorted(elements)}`).sort(),
        ...[...chains]
          .map(([name, { hook, rules }]) => ` chain ${name} ${JSON.stringify(hook)} ${rules.map(unturned).join("; ")}`)
          .sort(),
      ])
      .join("\n");
  }

  /** The targets of a balancer as they stand. */
  targets(table: string, chain: string): string[] {
    return parseTargets(this.#tables.get(table)?.chains.get(chain)?.rules[0] ?? "")?.targets ?? [];
  }

  #command(line: string): void {
    const [, verb = "", what = "", key = "", rest = ""] =
      /^(add|delete|flush|insert) (\S+) (\S+ \S+) ?(.*)$/.exec(line) ?? fail(`syntax error: ${line}`);
    if (what === "table") {
      if (verb === "delete" && !this.#tables.delete(key)) fail(`no table ${key}`);
      if (verb === "add" && !this.#tables.has(key)) this.#tables.set(key, { sets: new Map(), chains: new Map() });
      return;
    }
    const table = this.#tables.get(key) ?? fail(`no table ${key}`);
    const [, name = "", body = ""] = /^(\S+) ?(.*)$/.exec(rest) ?? fail(`syntax error: ${line}`);
    if (what === "set" || what === "map") changeSet(table, verb, name, body);
    else if (what === "chain") changeChain(table, verb, name, body);
    else if (what === "rule") (table.chains.get(name) ?? fail(`no chain ${name}`)).rules.push(body);
    else if (what === "element") changeElements(table, verb, name, body);
    else fail(`syntax error: ${line}`);
  }

  #checkReferences(): void {
    for (const { sets, chains } of this.#tables.values())
      for (const { elements } of sets.values())
        for (const value of elements.values())
          if (value?.startsWith("goto ") && !chains.has(value.slice(5))) fail(`no chain ${value.slice(5)}`);
  }
}

function changeSet(table: Table, verb: string, name: string, body: string): void {
  if (verb === "delete" && !table.sets.delete(name)) fail(`no set ${name}`);
  if (verb !== "add" || table.sets.has(name)) return;
  table.sets.set(name, { type: body.replace(/^\{ (.*); \}$/, "$1"), elements: new Map() });
}

function changeChain(table: Table, verb: string, name: string, body: string): void {
  const chain = table.chains.get(name);
  if (verb === "flush") (chain ?? fail(`no chain ${name}`)).rules = [];
  if (verb === "delete" && (!chain || chain.rules.length > 0 || !table.chains.delete(name)))
    fail(`no or busy chain ${name}`);
  if (verb === "add" && !chain) table.chains.set(name, { hook: parseHook(body), rules: [] });
}

function changeElements(table: Table, verb: string, name: string, body: string): void {
  const set = table.sets.get(name) ?? fail(`no set ${name}`);
  for (const element of body.replace(/^\{ (.*) \}$/, "$1").split(", ")) {
    const separator = element.lastIndexOf(" : ");
    const key = separator < 0 ? element : element.slice(0, separator);
    const value = separator < 0 ? undefined : element.slice(separator + 3);
    if (verb === "delete") set.elements.delete(key) || fail(`no element ${key} in ${name}`);
    else if (set.elements.has(key) && set.elements.get(key) !== value) fail(`element ${key} is in ${name}`);
    else set.elements.set(key, value);
  }
}

function parseHook(body: string): Chain["hook"] {
  const found = /type (\S+) hook (\S+)(?: device "(\S+)")? priority (\S+); policy (\S+);/.exec(body);
  if (!found) return {};
  const [, type, hook, , prio, policy] = found;
  return { type, hook, prio: Number(prio), policy };
}

function parseTargets(rule: string) {
  const found = /^(?:meta l4proto (\S+) )?dnat to numgen inc mod \d+ map \{ (.*) \}(?::(\d+))?$/.exec(rule);
  if (!found) return undefined;
  const [, protocol, map = "", port] = found;
  return { protocol, port: Number(port), targets: map.split(", ").map((pair) => pair.split(" : ")[1] ?? "") };
}

function* listTable(key: string, { sets, chains }: Table): Iterable<object> {
  const [family, table] = key.split(" ");
  yield { table: { family, name: table } };
  for (const [name, { type, elements }] of sets) {
    const [, base = "", value, flags] = /^(?:type|typeof) (.*?)(?: : (.*?))?(?:; flags (.*))?$/.exec(type) ?? [];
    const elem = [...elements].map(([element, mapped]) => (mapped === undefined ? element : [element, mapped]));
    const map = value === "ct zone" ? "integer" : value;
    yield {
      [map ? "map" : "set"]: { family, table, name, type: base, ...(map && { map }), ...(flags && { flags }), elem },
    };
  }
  for (const [name, { hook, rules }] of chains) {
    yield { chain: { family, table, name, ...hook } };
    for (const rule of rules) yield { rule: { family, table, chain: name, ...listRule(rule) } };
  }
}

function listRule(rule: string): object {
  const balancer = parseTargets(rule);
  if (!balancer) return { comment: /comment "(.*)"$/.exec(rule)?.[1] ?? rule, expr: [] };
  const { protocol, port, targets } = balancer;
  const key = { numgen: { mode: "inc", mod: targets.length } };
  const map = { key, data: { set: targets.map((target, i) => [i, target]) } };
  const match = { match: { right: protocol } };
  return { expr: [...(protocol ? [match] : []), { dnat: { addr: { map }, ...(protocol && { port }) } }] };
}

/** A rule without the order of its targets. */
function unturned(rule: string): string {
  const balancer = parseTargets(rule);
  return balancer ? `balance ${balancer.protocol} ${balancer.port} ${balancer.targets.sort().join(" ")}` : rule;
}

const sorted = (elements: ReadonlyMap<string, string | undefined>) =>
  [...elements]
    .map(([key, value]) => (value === undefined ? key : `${key} : ${value}`))
    .sort()
    .join(", ");

function fail(message: string): never {
  throw new Error(message);
}
