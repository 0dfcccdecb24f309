// create-and-tell.ts ROOT NAME...: creates nodes, tells each step as a line "STEP", and may be killed at any of them. With
// KILL_AT_COMMAND=N it kills itself instead of running the Nth command.
import { fileURLToPath } from "node:url";
import { createMachines, type Host, systemHost } from "@skep/machine";

const [root = "", ...names] = process.argv.slice(2);
const host = systemHost(process.env);
const killAt = Number(process.env.KILL_AT_COMMAND ?? Number.POSITIVE_INFINITY);
let commands = 0;

const run: Host["run"] = (command, options) => {
  if (++commands === killAt) process.kill(process.pid, "SIGKILL");
  return host.run(command, options);
};

await createMachines(names, {
  root,
  host: { ...host, run },
  subnet: "free",
  nameservers: "none",
  skepd: fileURLToPath(new URL("./stand-in-skepd.sh", import.meta.url)),
  onStep: (_, step) => process.stdout.write(`${step.split(" ")[0]}\n`),
});
