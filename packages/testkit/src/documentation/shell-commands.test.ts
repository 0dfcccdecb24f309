import { expect, test } from "vitest";
import { commandsOf } from "./shell-commands.ts";

const commands = (script: string) => commandsOf(script).map((words) => words.join(" "));

test("finds the commands of lists, pipelines, loops, subshells and substitutions", () => {
  expect(
    commands('cd /opt && npm run setup # of it\nfor n in a b; do (eval "$(skep machine env $n)" && docker ps); done'),
  ).toEqual(["cd /opt", "npm run setup", "skep machine env $n", "eval $()", "docker ps", "done"]);
  expect(commands("docker ps -q | head -n 1 || true")).toEqual(["docker ps -q", "head -n 1", "true"]);
  expect(commands('until [ "$(docker ps -q)" = "" ]; do sleep 1; done')).toEqual([
    "docker ps -q",
    "[ $() =  ]",
    "sleep 1",
    "done",
  ]);
});

test("joins lines, and leaves quotes, assignments, comments and redirections out", () => {
  expect(
    commandsOf("token=$(docker info -f '{{.ID}} # no') \\\n  A=b docker run --env 'X=a b' i >/dev/null 2>&1\n# end"),
  ).toEqual([
    ["docker", "info", "-f", "{{.ID}} # no"],
    ["docker", "run", "--env", "X=a b", "i"],
  ]);
});
