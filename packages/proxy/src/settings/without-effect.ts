import { isNo, type ReadSecret, Variables } from "./variables.ts";

const isSet = (value: string) => value !== "";

/** Variables of the original that change nothing here: when that is worth telling, and what to do instead. */
const variables: Readonly<Record<string, readonly [(value: string) => boolean, string]>> = {
  CFG_TEMPLATE_PATH: [
    isSet,
    "there is no base template: use EXTRA_GLOBAL, EXTRA_FRONTEND and *-fe.cfg or *-be.cfg files",
  ],
  RECONFIGURE_ATTEMPTS: [
    isSet,
    "what HAProxy refuses of a config is found and left out; nothing has to be tried again",
  ],
  DISPLAY_CONFIG_ON_ERROR: [
    (value) => isSet(value) && !isNo(value),
    "errors quote the line that HAProxy complains about",
  ],
  HEALTHCHECK: [isNo, "use docker service create --no-healthcheck"],
  CERTS: [isSet, "mount certificates below CERTS_PATH, or PUT them to the control API"],
};

/** Of those that are set, the name with what to do instead. A base template that is there counts as asked for. */
export function withoutEffect(
  env: Readonly<Record<string, string | undefined>>,
  readSecret: ReadSecret,
  hasBaseTemplate: boolean,
): Map<string, string> {
  const given = new Variables(env, readSecret);
  const found = Object.entries(variables).filter(
    ([name, [isWorthTelling]]) =>
      (name === "CFG_TEMPLATE_PATH" && hasBaseTemplate) || isWorthTelling(given.raw(name)?.trim() ?? ""),
  );
  return new Map(found.map(([name, [, instead]]) => [name, instead]));
}
