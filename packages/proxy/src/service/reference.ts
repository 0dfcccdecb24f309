import { environmentNameOf } from "./environment-services.ts";
import { destinationParameters, type Parameter, serviceParameters } from "./parameters.ts";

/** The tables of all parameters in Markdown, for the documentation. */
export function parameterReference(): string {
  return [
    "## Parameters of a service",
    "",
    table(serviceParameters),
    "",
    "## Parameters of a destination",
    "",
    "With a suffix `.1` to `.10` (in the environment `_1` to `_10`), or without.",
    "",
    table(destinationParameters),
    "",
  ].join("\n");
}

function table(parameters: Readonly<Record<string, Parameter<unknown>>>): string {
  const rows = Object.entries(parameters).map(([name, parameter]) => {
    const names = parameter.oldName === undefined ? `\`${name}\`` : `\`${name}\` (old: \`${parameter.oldName}\`)`;
    const environment = `\`DFP_SERVICE_${environmentNameOf(name, parameter)}\``;
    return `| ${names} | ${environment} | ${parameter.kind.title} | ${parameter.standard ?? ""} | ${parameter.about} |`;
  });
  return ["| Parameter | Environment | Kind | Default | Meaning |", "| --- | --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}
