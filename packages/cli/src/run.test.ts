import { expect, test } from "vitest";
import { run } from "./run.ts";

async function skep(...argv: string[]) {
  let stdout = "";
  let stderr = "";
  const exitCode = await run(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    environment: {},
  });
  return { exitCode, stdout, stderr };
}

const machine = (...argv: string[]) => skep("machine", "--root", "/tmp/skep-no-such-folder", ...argv);

test("help is printed on stdout, with examples to copy", async () => {
  for (const argv of [["--help"], ["machine", "--help"], ["machine", "create", "--help"]]) {
    const { exitCode, stdout, stderr } = await skep(...argv);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/\nExamples:\n {2}skep machine create node-1/);
  }
});

test("an unknown command is told with where to look", async () => {
  expect(await skep("machine", "explode")).toEqual({
    exitCode: 1,
    stdout: "",
    stderr: "error: unknown command 'explode'\nRun \"skep machine --help\" for what it takes.\n",
  });
});

test("a node that is not there is told with what there is to do", async () => {
  expect(await machine("ip", "node-1")).toEqual({
    exitCode: 1,
    stdout: "",
    stderr: "skep: no such node: node-1 (create it with: skep machine create node-1)\n",
  });
});

test("an empty folder lists as an empty table", async () => {
  expect(await machine("ls")).toEqual({
    exitCode: 0,
    stdout: "NAME   DRIVER   STATE   ADDRESS   DOCKER HOST   SWARM\n",
    stderr: "",
  });
});

test("env --unset takes back what env has set", async () => {
  expect((await machine("env", "--unset")).stdout.split("\n")[0]).toBe("unset DOCKER_HOST SKEP_MACHINE_NAME");
});

test("env without a name says what is missing", async () => {
  expect(await machine("env")).toMatchObject({
    exitCode: 1,
    stderr: "skep: which node? skep machine env NAME, or --unset\n",
  });
});
