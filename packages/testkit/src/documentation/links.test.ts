import { expect, test } from "vitest";
import { anchorsOf, brokenLinks, hasOddFences, unreachablePages } from "./links.ts";
import { readPages } from "./pages.ts";

const pages = readPages();
const page = (text: string) => ({ path: "docs/test.md", text, blocks: [] });

test("every link and anchor in README and docs leads to a file and a heading", () => {
  expect(pages.length).toBeGreaterThan(10);
  expect(pages.flatMap((one) => brokenLinks(one).map((link) => `${one.path}: ${link}`))).toEqual([]);
});

test("every page can be reached from README.md", () => {
  expect(unreachablePages(pages)).toEqual([]);
});

test("every block is closed", () => {
  expect(pages.filter(hasOddFences).map(({ path }) => path)).toEqual([]);
});

test("a link to a file or a heading that is not there is found", () => {
  const text =
    "# One\n[a](missing.md) [b](#two) [c](#one) [d](packet.md#the-places) [e](packet.md#no) [f](https://x.y)\n[1]: no.md\n";
  expect(brokenLinks(page(text))).toEqual(["missing.md", "#two", "packet.md#no", "no.md"]);
});

test("what is in a block or in code is no link", () => {
  expect(brokenLinks(page("`[a](b.md)`\n```\n[a](b.md)\n```\n"))).toEqual([]);
});

test("headings are called as GitHub calls them", () => {
  expect([...anchorsOf("# One `docker service create`\n## Its 25 defects, and why?\n## Same\n## Same\n")]).toEqual([
    "one-docker-service-create",
    "its-25-defects-and-why",
    "same",
    "same-1",
  ]);
});
