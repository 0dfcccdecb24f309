import { expect, test } from "vitest";
import { takeLock } from "./lock.ts";
import { parseOptions } from "./options.ts";
import { carryOut } from "./part.ts";
import { commandEnvironment, placesOf } from "./places.ts";
import type { Observation, Part } from "./story/step.ts";
import type { World } from "./world.ts";

const silent = { write: () => true };
const parse = (...argv: string[]) => parseOptions(argv, silent, silent);

test("down, --db and nothing are understood; everything else is refused", () => {
  expect(parse()).toEqual({ does: "up", database: undefined });
  expect(parse("--db", "mongo:7")).toEqual({ does: "up", database: "mongo:7" });
  expect(parse("down").does).toBe("down");
  expect(() => parse("up")).toThrow('there is no "up"');
  expect(() => parse("down", "now")).toThrow();
  expect(() => parse("--db", "x; rm -rf /")).toThrow("not the name of an image");
});

test("commands speak to node-1, whatever the caller's docker CLI is pointed at", () => {
  const places = placesOf({ SKEP_MACHINE_ROOT: "/tmp/m/" });
  const caller = {
    ...{ HOME: "/root", PATH: "/bin", DOCKER_HOST: "tcp://elsewhere", DOCKER_CONTEXT: "other", DOCKER_TLS_VERIFY: "1" },
    ...{ https_proxy: "http://proxy", HTTP_PROXY: "http://proxy" },
  };
  expect(commandEnvironment(caller, places, "unix:///s")).toEqual({
    ...{ HOME: "/root", PATH: "/bin:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", DOCKER_HOST: "unix:///s" },
    ...{ DOCKER_CONFIG: "/tmp/m-quickstart/docker-config", TMPDIR: "/tmp/m-quickstart/tmp", NO_PROXY: "*" },
    ...{ SKEP_MACHINE_ROOT: "/tmp/m", SKEP_QUICKSTART: "/tmp/m-quickstart" },
  });
});

test("the second of two quickstarts in one place is told of the first, until that has ended", async () => {
  const state = `/nowhere/${process.pid}`;
  {
    using _ = await takeLock(state);
    await expect(takeLock(state)).rejects.toThrow(`another quickstart is at work (process ${process.pid})`);
    using elsewhere = await takeLock(`${state}-2`);
    expect(elsewhere).toBeDefined();
  }
  using again = await takeLock(state);
  expect(again).toBeDefined();
});

/** A world that answers each command with the next output, and lists what it was asked. */
function scripted(...outputs: string[]) {
  const ran: string[] = [];
  const shell = async (command: string) => {
    ran.push(command);
    return { code: outputs[0]?.startsWith("!") ? 1 : 0, output: outputs.shift() ?? "" };
  };
  return { ran, world: { shell, signal: new AbortController().signal } as unknown as World };
}

const observing = (...states: Observation["state"][]): Part => ({
  command: "make it",
  doing: "it is made",
  observe: async () => {
    const state = states.length > 1 ? states.shift() : states[0];
    return { state: state ?? "there", text: `it is ${state}` };
  },
});

test("what is there is not made again", async () => {
  const { ran, world } = scripted();
  expect(await carryOut(observing("there"), world, () => {})).toMatchObject({ wasThere: true, text: "it is there" });
  expect(ran).toEqual([]);
});

test("what is missing is made once, and waited for", async () => {
  const { ran, world } = scripted("made");
  const said: string[] = [];
  const outcome = await carryOut(observing("absent", "coming", "there"), world, (text) => said.push(text));
  expect(outcome).toMatchObject({ wasThere: false, output: "made" });
  expect([ran, said]).toEqual([["make it"], ["it is coming"]]);
});

test("what was made before and is not ready is waited for, and not made again", async () => {
  const { ran, world } = scripted();
  await carryOut(observing("coming", "there"), world, () => {});
  expect(ran).toEqual([]);
});

test("a command that fails ends the part, with the end of what it printed", async () => {
  const { world } = scripted("!first\nlast");
  await expect(carryOut(observing("absent"), world, () => {})).rejects.toMatchObject({
    message: "the command ended with exit code 1",
    lines: ["!first", "last"],
  });
});

test("an answer that is not as it should be yet is asked for again", async () => {
  const { ran, world } = scripted("no", "yes");
  const check = (output: string) => (output === "yes" ? undefined : "not yes");
  expect((await carryOut({ command: "ask", doing: "", check }, world, () => {})).output).toBe("yes");
  expect(ran).toEqual(["ask", "ask"]);
});

test("what a command looks at is done again before the next try", async () => {
  const { ran, world } = scripted("uneven", "", "even");
  const check = (output: string) => (output === "even" ? undefined : output);
  const again = async () => void (await world.shell("send"));
  await carryOut({ command: "count", doing: "", check, again }, world, () => {});
  expect(ran).toEqual(["count", "send", "count"]);
});
