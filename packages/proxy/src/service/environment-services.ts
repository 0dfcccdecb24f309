import { environmentDestinations, maxIndex } from "./destinations.ts";
import { Given } from "./given.ts";
import { ParameterError } from "./parameter-error.ts";
import { destinationParameters, type Parameter, serviceParameters } from "./parameters.ts";
import type { ParseContext } from "./parse-context.ts";
import { serviceOf } from "./parse-service.ts";
import type { ProxyService } from "./service.ts";

export interface EnvironmentServices {
  readonly services: readonly ProxyService[];
  readonly problems: readonly EnvironmentProblem[];
}

/** A service that cannot be used; the others can. */
export interface EnvironmentProblem {
  /** `DFP_SERVICE_1` */
  readonly prefix: string;
  readonly serviceName: string;
  readonly message: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const prefixOf = (number: number) => (number === 0 ? "DFP_SERVICE" : `DFP_SERVICE_${number}`);

/**
 * The services that `DFP_SERVICE_*` and `DFP_SERVICE_1_*`, `DFP_SERVICE_2_*`, ... define, up to the first number without
 * a name. Every parameter may be given so, those of destinations with `_1` to `_10` after them
 * (`docker-flow-proxy.md` section 2, "Env-defined services").
 */
export function servicesOfEnvironment(env: Environment, context: ParseContext): EnvironmentServices {
  const services: ProxyService[] = [];
  const problems: EnvironmentProblem[] = [];
  for (const prefix of prefixes(env)) {
    const parameters = parametersOfEnvironment(env, prefix);
    const given = new Given(parameters);
    try {
      services.push(serviceOf(given, environmentDestinations(given, context.environmentReqMode), context));
    } catch (error) {
      if (!(error instanceof ParameterError)) throw error;
      problems.push({ prefix, serviceName: parameters.get("serviceName") ?? "", message: error.message });
    }
  }
  return { services, problems };
}

function prefixes(env: Environment): string[] {
  const isNamed = (prefix: string) => (env[`${prefix}_SERVICE_NAME`] ?? "") !== "";
  const numbered: string[] = [];
  while (isNamed(prefixOf(numbered.length + 1))) numbered.push(prefixOf(numbered.length + 1));
  return isNamed(prefixOf(0)) ? [prefixOf(0), ...numbered] : numbered;
}

/** `reqPathSearchReplace` → `REQ_PATH_SEARCH_REPLACE`, `discoveryType` → `DISCOVERYTYPE`. */
export const environmentNameOf = (name: string, { environmentName }: Pick<Parameter<unknown>, "environmentName">) =>
  environmentName ?? inCapitals(name);

const inCapitals = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

function parametersOfEnvironment(env: Environment, prefix: string): URLSearchParams {
  const parameters = new URLSearchParams();
  const take = (name: string, variable: string) => {
    const text = env[`${prefix}_${variable}`];
    if (text !== undefined && text !== "" && !parameters.has(name)) parameters.set(name, text);
  };
  for (const [name, parameter] of Object.entries<Parameter<unknown>>(serviceParameters)) {
    take(name, environmentNameOf(name, parameter));
    take(name, inCapitals(name));
    if (parameter.oldName !== undefined) take(parameter.oldName, inCapitals(parameter.oldName));
  }
  for (const name of Object.keys(destinationParameters)) {
    take(name, inCapitals(name));
    for (let index = 1; index <= maxIndex; index++) take(`${name}.${index}`, `${inCapitals(name)}_${index}`);
  }
  return parameters;
}
