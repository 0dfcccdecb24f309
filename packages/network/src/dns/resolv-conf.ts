/** What a resolv.conf says, as `man 5 resolv.conf` reads it. */
export interface ResolvConf {
  /** Addresses, in the order in which they are asked. */
  readonly servers: readonly string[];
  readonly search: readonly string[];
  /** As written, `ndots:1`. */
  readonly options: readonly string[];
}

/** Lines it does not understand are left out, as resolvers do. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: readonly string[] = [];
  const options: string[] = [];
  for (const line of text.split("\n")) {
    if (/^\s*[#;]/.test(line)) continue;
    const [keyword, ...words] = line.trim().split(/\s+/);
    const comment = words.findIndex((word) => /^[#;]/.test(word));
    const values = comment < 0 ? words : words.slice(0, comment);
    const [first] = values;
    if (first === undefined) continue;
    if (keyword === "nameserver") servers.push(first);
    else if (keyword === "domain") search = [first];
    else if (keyword === "search") search = values;
    else if (keyword === "options") options.push(...values);
  }
  return { servers: [...new Set(servers)], search, options };
}
