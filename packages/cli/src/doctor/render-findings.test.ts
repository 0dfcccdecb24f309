import { expect, test } from "vitest";
import { type Finding, renderFindings } from "./render-findings.ts";

const findings: Finding[] = [
  { check: "clock", state: "ok", what: "as 192.168.0.1:2377's, to the second" },
  { check: "MTU", state: "warning", what: "1400 bytes to node-2", advice: "give all devices the same MTU" },
  { check: "overlay", state: "problem", what: "node-3 does not answer", advice: "let UDP port 4789 through" },
];

test("the worst comes first, with what to do", () => {
  expect(renderFindings(findings, false)).toBe(`XX  overlay: node-3 does not answer
      do: let UDP port 4789 through
!!  MTU: 1400 bytes to node-2
      do: give all devices the same MTU
1 problem, 1 warning, 1 checks passed.
`);
});

test("what is well is shown when asked for", () => {
  expect(renderFindings(findings.slice(0, 1), true)).toBe(`ok  clock: as 192.168.0.1:2377's, to the second
All 1 checks passed.
`);
});
