import { Command } from "commander";
import type { Io } from "../io.ts";
import { askDaemon } from "../network/ask-daemon.ts";
import { daemonAddress } from "../network/daemon-address.ts";
import type { Outcome } from "../program.ts";
import { type Finding, renderFindings } from "./render-findings.ts";

const examples = `
Examples:
  skep doctor           what of this node, and between it and the others, is not as it should be
  skep doctor --all     what is well, too

Looks at: engine and kernel, sysctls, ports between the nodes, MTU of each way, overlapping addresses, others' firewall
rules, limits of the kernel's tables, clocks. The daemon is the one DOCKER_HOST points at, else skepd of this node.
Exits with 1 when there is a problem.`;

/** `skep doctor`: what is wrong, and what to do about it. */
export function doctorCommand({ stdout, environment }: Io, outcome: Outcome): Command {
  return new Command("doctor")
    .description("Find out what a node lacks, and say what to do")
    .option("--all", "show also what is well", false)
    .option("--json", "as JSON", false)
    .addHelpText("after", examples)
    .action(async ({ all, json }: { all: boolean; json: boolean }) => {
      const { Findings: findings } = await askDaemon<{ readonly Findings: readonly Finding[] }>(
        daemonAddress(environment),
        "/skep/doctor",
      );
      stdout.write(json ? `${JSON.stringify(findings, null, 2)}\n` : renderFindings(findings, all));
      if (findings.some(({ state }) => state === "problem")) outcome.exitCode = 1;
    });
}
