import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * How a page of the documentation says what its blocks are:
 *
 * - `sh`: commands that a test runs, in order, as one script a page: a variable set in one block is there in the next.
 * - `text`, next after a block of commands: what these print on standard output (see `differences`).
 * - `console`: commands behind `$ ` that cannot be run by a test; that they, their options and files exist is checked. So
 *   are those in blocks without a language.
 * - `yaml` with a first line `# NAME.yml`: a file that the commands of the page find in their folder.
 */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Of its first line of text, from 1. */
  readonly line: number;
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

export const repository = fileURLToPath(new URL("../../../..", import.meta.url));

/** README.md, the pages of docs/, and the packages' own READMEs. */
export function readPages(): Page[] {
  const inDocs = readdirSync(join(repository, "docs")).filter((name) => name.endsWith(".md"));
  const ofPackages = readdirSync(join(repository, "packages"), { recursive: true, encoding: "utf8" }).filter((path) =>
    /^[^/]+\/README\.md$/.test(path),
  );
  const paths = ["README.md", ...inDocs.map((name) => `docs/${name}`), ...ofPackages.map((path) => `packages/${path}`)];
  return paths.sort().map((path) => {
    const text = readFileSync(join(repository, path), "utf8");
    return { path, text, blocks: blocksOf(text) };
  });
}

/** A page by its path relative to the repository. */
export function readPage(path: string): Page {
  const page = readPages().find((one) => one.path === path);
  if (page === undefined) throw new Error(`there is no page ${path}`);
  return page;
}

const fenced = /^( *)```([\w-]*)\n(.*?)^\1```$/gms;

/** All fenced blocks, those in lists without their indentation. */
export function blocksOf(text: string): Block[] {
  return [...text.matchAll(fenced)].map(({ 1: indent = "", 2: language = "", 3: body = "", index }) => ({
    language,
    text: body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    line: text.slice(0, index).split("\n").length + 1,
  }));
}

/** The page with its blocks cut out: what is left is prose. */
export const proseOf = (text: string): string => text.replaceAll(fenced, "");

/** A block that is run, and what the page says that it prints. */
export interface Step {
  readonly script: string;
  readonly line: number;
  readonly output?: string;
}

/** What of a page is run, in order. */
export function stepsOf({ blocks }: Page): Step[] {
  return blocks.flatMap((block, at): Step[] => {
    if (block.language !== "sh") return [];
    const next = blocks[at + 1];
    return [{ script: block.text, line: block.line, ...(next?.language === "text" && { output: next.text }) }];
  });
}

/** The files that a page's commands need, by name. */
export function filesOf({ blocks }: Page): Map<string, string> {
  const named = blocks.flatMap(({ language, text }): [string, string][] => {
    const name = /^# ([\w.-]+\.ya?ml)\n/.exec(text)?.[1];
    return language === "yaml" && name !== undefined ? [[name, text]] : [];
  });
  return new Map(named);
}
