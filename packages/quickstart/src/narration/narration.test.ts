import { expect, test } from "vitest";
import { growth, parseCounts, renderBars } from "./bars.ts";
import { Narrator } from "./narrator.ts";
import { cut, type Output, paintFor, widthOf, wrap } from "./output.ts";

const bars = (counts: Record<string, number>) => renderBars(new Map(Object.entries(counts)), 30);

test("bars are as long as their share of the greatest, in the order of the names' numbers", () => {
  expect(bars({ "10.0.1.10": 20, "10.0.1.9": 10, "10.0.1.11": 0 })).toEqual([
    "10.0.1.9   ███████ 10",
    "10.0.1.10  █████████████ 20",
    "10.0.1.11  0",
  ]);
});

test("a count that is small beside another one still has a bar", () => {
  expect(bars({ a: 1, b: 1000 })[0]).toBe("a  █ 1");
});

test("counts are read of lines with a name and a number, and grow from what they were", () => {
  const before = parseCounts("10.0.1.9 5\n");
  const after = parseCounts("10.0.1.9 25\r\ncurl: (7) no\n10.0.1.10 20\n");
  expect([...growth(before, after)]).toEqual([
    ["10.0.1.9", 20],
    ["10.0.1.10", 20],
  ]);
});

test("text is wrapped between words, whatever white space is between them", () => {
  expect(wrap("one two\n    three four", 9)).toEqual(["one two", "three", "four"]);
  expect(wrap("", 9)).toEqual([]);
});

test("a line that is too long ends in an ellipsis", () => {
  expect([cut("12345", 5), cut("123456", 5)]).toEqual(["12345", "1234…"]);
});

test("colours are for terminals, and not for those who set NO_COLOR", () => {
  const write = () => true;
  expect(paintFor({ write, isTTY: true }, {}).bold("x")).toBe("\x1b[1mx\x1b[22m");
  expect(paintFor({ write, isTTY: true }, { NO_COLOR: "1" }).bold("x")).toBe("x");
  expect(paintFor({ write }, {}).bold("x")).toBe("x");
});

test("the story is never wider than a page, nor than the terminal", () => {
  expect([200, 90, undefined, 0].map((columns) => widthOf({ write: () => true, columns }))).toEqual([
    108, 90, 108, 108,
  ]);
});

test("a step is told with its number, its reason and the whole command, each line of it to be copied", () => {
  let told = "";
  const output: Output = { write: (text) => (told += text), columns: 40 };
  const narrator = new Narrator(output, paintFor(output, {}));
  narrator.heading(4, { title: "Two networks", why: "An overlay spans all nodes, and only its services are in it." });
  narrator.command({ command: "docker network create \\\n  --driver overlay a-name-much-longer-than-the-terminal" });
  narrator.done("network go-demo", 0.1, true);
  expect(told.split("\n")).toEqual([
    "",
    "  4  Two networks",
    "     An overlay spans all nodes, and",
    "     only its services are in it.",
    "",
    "     $ docker network create \\",
    "         --driver overlay a-name-much-longer-than-the-terminal",
    "     ✓ network go-demo  there already",
    "",
  ]);
});
