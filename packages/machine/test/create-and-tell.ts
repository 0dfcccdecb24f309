// create-and-tell.ts ROOT NAME...: creates nodes, tells each step as a line "STEP", and may be killed at any of them.
import { fileURLToPath } from "node:url";
import { createMachines, systemHost } from "@skep/machine";

const [root = "", ...names] = process.argv.slice(2);
await createMachines(names, {
  root,
  host: systemHost(process.env),
  subnet: "free",
  nameservers: "none",
  skepd: fileURLToPath(new URL("./stand-in-skepd.sh", import.meta.url)),
  onStep: (_, step) => process.stdout.write(`${step.split(" ")[0]}\n`),
});
