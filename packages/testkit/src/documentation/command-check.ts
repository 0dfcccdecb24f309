import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./pages.ts";

/** Programs whose options are looked up in their own help: where they are, and whether they have subcommands. */
const helped: Readonly<Record<string, string>> = {
  docker: "docker",
  skep: join(repository, "bin/skep"),
  skepd: join(repository, "bin/skepd"),
  "skep-proxy": join(repository, "bin/skep-proxy"),
};

/** What else pages may use; a word that is in neither list is a typo, or belongs here. */
const known = new Set(
  `[ apt-get awk cat cd cp curl cut date do done echo eval export fi for git grep haproxy head ip journalctl jq ls mkdir nft
  nsenter printf rm sed sh sleep sort ss sysctl systemctl tail tar true uniq wait wget xargs`.split(/\s+/),
);

/** What is wrong with a command that a page shows; nothing when it could be run. */
export function faultsOf(words: readonly string[]): string[] {
  const [program = "", ...args] = words;
  const name = program.replace(/^(?:\.\/|\/opt\/skep\/)?bin\//, "");
  return [...missingFiles(words), ...(name === "npm" ? npmFaults(args) : programFaults(name, args))];
}

function programFaults(name: string, args: readonly string[]): string[] {
  if (helped[name] !== undefined) return optionFaults([name], args);
  return known.has(name) || name.startsWith("$") ? [] : [`${name}: no program that pages use`];
}

/** Files of this repository have to be there. */
const missingFiles = (words: readonly string[]): string[] =>
  words
    .map((word) => word.replace(/^\/opt\/skep\//, ""))
    .filter((word) => /^(?:\.\/)?(?:bin|images|packaging|scripts|packages|docs)\/[\w./-]+$/.test(word))
    .filter((word) => !existsSync(join(repository, word)))
    .map((word) => `${word}: no such file`);

function npmFaults([verb, script = ""]: readonly string[]): string[] {
  const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  const name = verb === "run" ? script : verb;
  const isThere = name === "install" || (name !== undefined && Object.hasOwn(scripts, name));
  return isThere ? [] : [`npm ${verb} ${script}: no such script`];
}

/** Follows subcommands and options as far as they are the program's own: up to an image, a name, or `--`. */
function optionFaults(path: readonly string[], args: readonly string[]): string[] {
  const help = helpOf(path);
  const [word, ...rest] = args;
  if (word === undefined || word === "--") return [];
  if (/^-\w\w/.test(word)) return optionFaults(path, [...[...word.slice(1)].map((letter) => `-${letter}`), ...rest]);
  if (/^-./.test(word)) return flagFaults(path, help, word, rest);
  if (help.subcommands.has(word)) return optionFaults([...path, word], rest);
  if (help.subcommands.size > 0 && !word.startsWith("$")) return [`${path.join(" ")}: no command ${word}`];
  return takesProgram(path) ? [] : optionFaults(path, rest);
}

/** What follows the first argument of these is another program's. */
const takesProgram = (path: readonly string[]): boolean =>
  ["docker exec", "docker run", "docker service create", "skep machine exec"].includes(path.join(" "));

function flagFaults(path: readonly string[], help: Help, word: string, rest: readonly string[]): string[] {
  const [flag = "", value] = word.split("=", 2);
  const takesValue = help.flags.get(flag);
  if (takesValue === undefined) return [`${path.join(" ")}: no option ${flag}`];
  return optionFaults(path, takesValue && value === undefined ? rest.slice(1) : rest);
}

interface Help {
  readonly subcommands: ReadonlySet<string>;
  /** Each with whether a value follows. */
  readonly flags: ReadonlyMap<string, boolean>;
}

const helps = new Map<string, Help>();

function helpOf(path: readonly string[]): Help {
  const key = path.join(" ");
  const help = helps.get(key) ?? parseHelp(askHelp(path));
  helps.set(key, help);
  return help;
}

function askHelp([name = "", ...args]: readonly string[]): string {
  const env = { ...process.env, COLUMNS: "200" };
  return execFileSync(helped[name] ?? name, [...args, "--help"], { encoding: "utf8", env, stdio: "pipe" });
}

/** Help as cobra (docker) and commander (skep) print it. */
export function parseHelp(text: string): Help {
  const flags = new Map<string, boolean>();
  for (const line of text.split("\n")) {
    const found = /^ {2,6}(?:(-\w)(?:, |$))?(--[\w-]+)?(?:[ =]<?([\w.-]+)[>\]]?)?(?: {2}|$)/.exec(line);
    for (const flag of [found?.[1], found?.[2]]) if (flag !== undefined) flags.set(flag, found?.[3] !== undefined);
  }
  const subcommands = [...text.matchAll(/^ {2}([a-z][\w-]*)\*?(?: [^\n]*)?(?: {2,}|$)/gm)].map(([, name = ""]) => name);
  return { flags, subcommands: new Set(/^(?:.* )?[Cc]ommands:$/m.test(text) ? subcommands : []) };
}
