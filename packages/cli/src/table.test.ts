import { expect, test } from "vitest";
import { renderTable } from "./table.ts";

test("columns are as wide as their widest cell, and no line ends in spaces", () => {
  const rows = [
    ["node-1", "running", "manager"],
    ["a-longer-name", "stopped", ""],
  ];
  expect(renderTable(["NAME", "STATE", "SWARM"], rows)).toBe(
    "NAME            STATE     SWARM\nnode-1          running   manager\na-longer-name   stopped\n",
  );
});
