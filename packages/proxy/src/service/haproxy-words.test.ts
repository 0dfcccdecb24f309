import { expect, test } from "vitest";
import { haproxyWords } from "./haproxy-words.ts";

// Each line was given to HAProxy 2.6.12, which read it so.
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
