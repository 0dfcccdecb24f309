import { execInMachine, type Machine, openMachine } from "@skep/machine";
import { DomainError } from "@skep/model";
import { Command } from "commander";
import { type MachineContext, requireRoot } from "./context.ts";

export const accessCommands = (context: MachineContext): Command[] => [envCommand(context), execCommand(context)];

function envCommand({ io, rootOf }: MachineContext): Command {
  return new Command("env")
    .description("Print the shell commands that point the docker CLI at a node")
    .argument("[name]")
    .option("-u, --unset", "print those that take it back", false)
    .addHelpText("after", '\nExample:\n  eval "$(skep machine env node-1)" && docker node ls')
    .action(async (name: string | undefined, { unset }: { unset: boolean }) => {
      if (unset) io.stdout.write(renderUnset());
      else if (name === undefined) {
        throw new DomainError("invalid-parameter", "which node? skep machine env NAME, or --unset");
      } else io.stdout.write(renderEnv(await openMachine(rootOf(), name)));
    });
}

/** Shell commands; variables that would make the docker CLI speak TLS to a unix socket are taken away. */
export function renderEnv(machine: Machine): string {
  return [
    `export DOCKER_HOST=${quote(dockerHost(machine))}`,
    `export SKEP_MACHINE_NAME=${machine.name}`,
    "unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH",
    "# Run this in your shell:",
    `# eval "$(skep machine env ${machine.name})"`,
    "",
  ].join("\n");
}

const dockerHost = ({ skepd, paths }: Machine) =>
  `unix://${skepd === undefined ? paths.engineSocket : paths.skepSocket}`;

const renderUnset = () =>
  ["unset DOCKER_HOST SKEP_MACHINE_NAME", "# Run this in your shell:", '# eval "$(skep machine env --unset)"', ""].join(
    "\n",
  );

/** As it is when no character means anything to a shell, in single quotes otherwise. */
const quote = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function execCommand({ io, outcome, rootOf }: MachineContext): Command {
  return new Command("exec")
    .description("Run a command inside a node: its network, host name, processes and /run; docker asks that node")
    .argument("<name>")
    .argument("<command...>", "the command and its arguments; put -- before it when it has flags of its own")
    .passThroughOptions()
    .addHelpText("after", "\nExamples:\n  skep machine exec node-1 -- ip -4 address\n  skep machine exec node-1 bash")
    .action(async (name: string, command: string[]) => {
      requireRoot();
      const words = command[0] === "--" ? command.slice(1) : command; // left in place by passThroughOptions
      const machine = await openMachine(rootOf(), name);
      // the shell may be pointed at another node
      const environment = { ...io.environment, DOCKER_HOST: dockerHost(machine), SKEP_MACHINE_NAME: name };
      outcome.exitCode = await execInMachine(machine, words, environment);
    });
}
