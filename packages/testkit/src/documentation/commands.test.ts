import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { faultsOf, parseHelp } from "./command-check.ts";
import { type Block, readPages } from "./pages.ts";
import { commandsOf } from "./shell-commands.ts";

const hasDocker = spawnSync("docker", ["--version"]).status === 0;

/** The commands of a block, as a shell would get them; none for what is no commands. */
function scriptOf({ language, text }: Block): string {
  if (language === "sh") return text;
  if (language === "console")
    return text
      .split("\n")
      .flatMap((line) => /^\$ (.*)/.exec(line)?.[1] ?? [])
      .join("\n");
  if (language === "" && /^(?:bin\/)?(?:skepd?|skep-proxy|docker|curl|cd|npm|sh) /.test(text)) return text;
  return "";
}

const blocks = readPages().flatMap(({ path, blocks }) =>
  blocks.map((block) => ({ where: `${path}:${block.line}`, script: scriptOf(block) })),
);

describe.skipIf(!hasDocker)(`commands in README and docs ${hasDocker ? "" : "(needs the docker CLI)"}`, () => {
  test("every program, subcommand, option and file that they name exists", { timeout: 30_000 }, () => {
    const commands = blocks.flatMap(({ where, script }) => commandsOf(script).map((words) => ({ where, words })));
    expect(commands.length).toBeGreaterThan(60);
    const faults = commands.flatMap(({ where, words }) => faultsOf(words).map((fault) => `${where} ${fault}`));
    expect(faults).toEqual([]);
  });

  test.each([
    ["docker servce ls", "docker: no command servce"],
    ["docker service create --nam x", "docker service create: no option --nam"],
    ["docker -H unix:///x service ls --quite", "docker service ls: no option --quite"],
    ["skep machine creat node-1", "skep machine: no command creat"],
    ["bin/skep doctor --al", "skep doctor: no option --al"],
    ["skepd --data-rot /x", "skepd: no option --data-rot"],
    ["skep-proxy listn", "skep-proxy: no command listn"],
    ["npm run bensh", "npm run bensh: no such script"],
    ["sh images/wbe.sh", "images/wbe.sh: no such file"],
    ["dcoker ps", "dcoker: no program that pages use"],
  ])("%s is found to be wrong", (script, fault) => {
    expect(commandsOf(script).flatMap(faultsOf)).toEqual([fault]);
  });

  test.each([
    "docker service create -d --name=a --env X=--y image --any thing",
    "docker -H unix:///x exec -it name sh --any",
    "skep machine exec node-1 -- ip --any",
    "skep machine create --dns none node-1",
    "docker service scale web=5",
  ])("%s is found to be right", (script) => {
    expect(commandsOf(script).flatMap(faultsOf)).toEqual([]);
  });
});

test("help is read as cobra and commander write it", () => {
  const cobra =
    "Options:\n  -d, --detach          Exit\n      --name string     Service name\n  -q, --quiet           Only\n";
  expect([...parseHelp(cobra).flags]).toEqual([
    ["-d", false],
    ["--detach", false],
    ["--name", true],
    ["-q", false],
    ["--quiet", false],
  ]);
  const commander =
    "Options:\n  --root <folder>  where\n  -h, --help       help\n\nCommands:\n  create [options] <name...>  Make\n  ls  List\n";
  expect([...parseHelp(commander).flags]).toEqual([
    ["--root", true],
    ["-h", false],
    ["--help", false],
  ]);
  expect([...parseHelp(commander).subcommands]).toEqual(["create", "ls"]);
});
