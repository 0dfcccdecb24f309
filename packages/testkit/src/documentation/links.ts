import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { blocksOf, type Page, proseOf, repository } from "./pages.ts";

/** The links of a page that lead to files or headings that are not there, as written; others' sites are not asked. */
export function brokenLinks({ path, text }: Page): string[] {
  const prose = proseOf(text).replaceAll(/`[^`\n]*`/g, "");
  const links = [
    ...[...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link),
    ...[...prose.matchAll(/^\[[^\]]+\]: (\S+)$/gm)].map(([, link = ""]) => link),
  ];
  return links.filter((link) => !/^https?:\/\//.test(link) && !leadsSomewhere(path, text, link));
}

function leadsSomewhere(path: string, text: string, link: string): boolean {
  const [file = "", anchor] = link.split("#");
  const target = join(repository, dirname(path), file);
  if (file !== "" && (relative(repository, target).startsWith("..") || !existsSync(target))) return false;
  if (anchor === undefined) return true;
  if (file !== "" && !statSync(target).isFile()) return false;
  return anchorsOf(file === "" ? text : readFileSync(target, "utf8")).has(anchor);
}

/** What headings are called in links, as GitHub does it. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of proseOf(text).matchAll(/^#{1,6} +(.+)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Pages that no chain of links from README.md leads to. */
export function unreachablePages(pages: readonly Page[]): string[] {
  const reached = new Set(["README.md"]);
  for (const path of reached) {
    const page = pages.find((one) => one.path === path);
    for (const [, link = ""] of (page?.text ?? "").matchAll(/\]\(([^)#\s]+\.md)(?:#[^)]*)?\)/g))
      if (!/^https?:/.test(link)) reached.add(join(dirname(path), link));
  }
  return pages.map(({ path }) => path).filter((path) => !reached.has(path));
}

/** Fences that are opened and not closed, or closed with another indentation, swallow what follows. */
export const hasOddFences = ({ text }: Page): boolean =>
  (text.match(/^ *```/gm) ?? []).length !== 2 * blocksOf(text).length;
