import { expect, test } from "vitest";
import { haproxyWords } from "./haproxy-words.ts";

// As HAProxy 2.6.12 read them when they began a line of its config: it names the first word that it does not know.
test.each([
  ["", []],
  ["  a  b\tc ", ["a", "b", "c"]],
  ['a "b c" d', ["a", "b c", "d"]],
  ["a 'b \"c' d", ["a", 'b "c', "d"]],
  ['a"b c"d', ["ab cd"]],
  ["a\\ b c", ["a b", "c"]],
  ["a\\x20b c", ["a b", "c"]],
  ['"a\\"b" c', ['a"b', "c"]],
  ["'a\\' b", ["a\\", "b"]],
  ["a\\qb", ["a\\qb"]],
  ["a\\", ["a\\"]],
  ["a # b", ["a"]],
  ["a#b c", ["a"]],
  ["a\\#b c", ["a#b", "c"]],
  ['a "#b" c', ["a", "#b", "c"]],
  ['a ""', ["a", ""]],
  ['"a', undefined],
  ["it's", undefined],
  ['"a\\x22', undefined],
])("%s", (line, words) => {
  expect(haproxyWords(line)).toEqual(words);
});
