import { type ContainerSpec, engineNetworkOf, type PortConfig, type TaskSpec } from "@skep/model";
import { type EngineFields, given, portKey } from "./engine-fields.ts";

/** The `HostConfig` of a task's container. The container itself is never restarted: the swarm makes a new task. */
export function hostConfig(
  task: TaskSpec,
  spec: ContainerSpec,
  ports: readonly PortConfig[],
  logDriver: TaskSpec["LogDriver"],
): EngineFields {
  return {
    ...limits(task),
    ...(ports.length > 0 && { PortBindings: portBindings(ports) }),
    ...given("NetworkMode", engineNetwork(task)),
    ...given("Mounts", spec.Mounts),
    ...given("ReadonlyRootfs", spec.ReadOnly),
    ...given("Init", spec.Init),
    ...given("Isolation", spec.Isolation),
    ...given("Sysctls", spec.Sysctls),
    ...given("CapAdd", spec.CapabilityAdd),
    ...given("CapDrop", spec.CapabilityDrop),
    ...given("Ulimits", spec.Ulimits),
    ...given("OomScoreAdj", spec.OomScoreAdj),
    ...given("GroupAdd", spec.Groups),
    ...given("Dns", spec.DNSConfig?.Nameservers),
    ...given("DnsSearch", spec.DNSConfig?.Search),
    ...given("DnsOptions", spec.DNSConfig?.Options),
    ...given("ExtraHosts", extraHosts(spec)),
    ...given("SecurityOpt", securityOptions(spec)),
    ...(logDriver && { LogConfig: { Type: logDriver.Name ?? "", Config: logDriver.Options ?? {} } }),
  };
}

/** The engine's own network a task asks for; undefined: the default bridge, or networks of the swarm. */
export const engineNetwork = (task: TaskSpec): string | undefined =>
  (task.Networks ?? [])
    .map(({ Target = "" }) => (Target === "none" ? Target : engineNetworkOf(Target)))
    .find((name) => name !== undefined);

/** Networks of the swarm that a task asks for. */
export const swarmNetworks = (task: TaskSpec): string[] =>
  (task.Networks ?? [])
    .map(({ Target = "" }) => Target)
    .filter((target) => target !== "none" && !engineNetworkOf(target));

/** Reservations are the scheduler's business; only limits reach the container. */
function limits({ Resources }: TaskSpec): EngineFields {
  const { NanoCPUs = 0, MemoryBytes = 0, Pids = 0 } = Resources?.Limits ?? {};
  return {
    ...(NanoCPUs > 0 && { NanoCpus: NanoCPUs }),
    ...(MemoryBytes > 0 && { Memory: MemoryBytes }),
    ...(Pids > 0 && { PidsLimit: Pids }),
  };
}

function portBindings(ports: readonly PortConfig[]): EngineFields {
  const bindings = Map.groupBy(ports, portKey);
  return Object.fromEntries(
    [...bindings].map(([key, published]) => [
      key,
      published.map(({ PublishedPort }) => ({ HostIp: "", HostPort: PublishedPort ? String(PublishedPort) : "" })),
    ]),
  );
}

/** Lines of /etc/hosts become `name:ip`; further names on a line are ignored, as docker does. */
const extraHosts = (spec: ContainerSpec): string[] =>
  (spec.Hosts ?? []).flatMap((line) => {
    const [ip, name] = line.trim().split(/\s+/);
    return ip && name ? [`${name}:${ip}`] : [];
  });

interface Privileges {
  readonly CredentialSpec?: { readonly Config?: string; readonly File?: string; readonly Registry?: string };
  readonly SELinuxContext?: {
    readonly Disable?: boolean;
    readonly User?: string;
    readonly Role?: string;
    readonly Level?: string;
    readonly Type?: string;
  };
  /** `Profile` is base64. */
  readonly Seccomp?: { readonly Mode?: string; readonly Profile?: string };
  readonly AppArmor?: { readonly Mode?: string };
  readonly NoNewPrivileges?: boolean;
}

function securityOptions(spec: ContainerSpec): string[] {
  const { CredentialSpec: credential, SELinuxContext: selinux, ...others } = (spec.Privileges ?? {}) as Privileges;
  const option = (name: string, value: string | undefined) => (value ? [`${name}${value}`] : []);
  return [
    ...option("credentialspec=config://", credential?.Config),
    ...option("credentialspec=file://", credential?.File),
    ...option("credentialspec=registry://", credential?.Registry),
    ...(selinux?.Disable ? ["label=disable"] : []),
    ...option("label=user:", selinux?.User),
    ...option("label=role:", selinux?.Role),
    ...option("label=level:", selinux?.Level),
    ...option("label=type:", selinux?.Type),
    ...(others.Seccomp?.Mode === "unconfined" ? ["seccomp=unconfined"] : []),
    ...(others.Seccomp?.Mode === "custom" ? [`seccomp=${decode(others.Seccomp.Profile)}`] : []),
    ...(others.AppArmor?.Mode === "disabled" ? ["apparmor=unconfined"] : []),
    ...(others.NoNewPrivileges ? ["no-new-privileges=true"] : []),
  ];
}

const decode = (base64: string | undefined) => Buffer.from(base64 ?? "", "base64").toString();
