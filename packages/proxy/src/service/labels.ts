/** Which services are seen, and how they are called. */
export interface LabelOptions {
  /** The label that makes a service visible, and its value, compared without regard to case. */
  readonly notifyLabel: { readonly name: string; readonly value: string };
  /** `DF_SERVICE_NAME_PREFIX`; empty for none. */
  readonly namePrefix: string;
}

export const defaultLabelOptions: LabelOptions = {
  notifyLabel: { name: "com.df.notify", value: "true" },
  namePrefix: "",
};

type Labels = Readonly<Record<string, string>>;

const prefix = "com.df.";

/**
 * The parameters that a service's labels stand for, sorted by name; undefined when the service is not to be seen.
 * `replicas` is undefined for global services (`docker-flow-proxy.md` sections 3.1 and 3.4).
 */
export function parametersOfLabels(
  serviceName: string,
  labels: Labels,
  replicas: number | undefined,
  { notifyLabel, namePrefix }: LabelOptions = defaultLabelOptions,
): URLSearchParams | undefined {
  if (labels[notifyLabel.name]?.toLowerCase() !== notifyLabel.value.toLowerCase()) return undefined;
  const parameters = new URLSearchParams({ distribute: "true" });
  for (const [label, value] of Object.entries(labels)) {
    if (label.startsWith(prefix) && label !== notifyLabel.name) parameters.set(label.slice(prefix.length), value);
  }
  const name = nameInProxy(serviceName, labels);
  parameters.set("serviceName", namePrefix === "" ? name : `${namePrefix}_${name}`);
  if (replicas !== undefined) parameters.set("replicas", String(replicas));
  parameters.sort();
  return parameters;
}

/** With `com.df.shortName` without its stack's name. */
function nameInProxy(serviceName: string, labels: Labels): string {
  const stack = `${labels["com.docker.stack.namespace"] ?? ""}_`;
  const isShort = labels["com.df.shortName"]?.toLowerCase() === "true" && stack !== "_";
  return isShort && serviceName.startsWith(stack) ? serviceName.slice(stack.length) : serviceName;
}
