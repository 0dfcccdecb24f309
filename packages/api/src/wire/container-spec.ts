import type { ContainerSpec, Healthcheck, Mount } from "@skep/model";
import {
  flag,
  flagKept,
  integer,
  integerKept,
  labels,
  orNull,
  struct,
  structs,
  text,
  textKept,
  texts,
} from "./schema.ts";

type Part<K extends keyof ContainerSpec> = NonNullable<ContainerSpec[K]>;

const file = struct("FileTarget", { Name: textKept, UID: textKept, GID: textKept, Mode: integerKept("uint32") });

const mount = struct<Mount>("Mount", {
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: struct<NonNullable<Mount["BindOptions"]>>("BindOptions", {
    Propagation: text,
    NonRecursive: flag,
    CreateMountpoint: flag,
    ReadOnlyNonRecursive: flag,
    ReadOnlyForceRecursive: flag,
  }),
  VolumeOptions: struct<NonNullable<Mount["VolumeOptions"]>>("VolumeOptions", {
    NoCopy: flag,
    Labels: labels,
    Subpath: text,
    DriverConfig: struct("Driver", { Name: text, Options: labels }),
  }),
  TmpfsOptions: struct<NonNullable<Mount["TmpfsOptions"]>>("TmpfsOptions", {
    SizeBytes: integer(),
    Mode: integer("uint32"),
  }),
});

const privileges = struct<Part<"Privileges">>("Privileges", {
  CredentialSpec: orNull(struct("CredentialSpec", { Config: text, File: text, Registry: text })),
  SELinuxContext: orNull(
    struct("SELinuxContext", { Disable: flagKept, User: text, Role: text, Type: text, Level: text }),
  ),
  Seccomp: struct("SeccompOpts", { Mode: text, Profile: text }),
  AppArmor: struct("AppArmorOpts", { Mode: text }),
  NoNewPrivileges: flag,
});

const healthcheck = struct<Healthcheck>("HealthConfig", {
  Test: texts,
  Interval: integer(),
  Timeout: integer(),
  StartPeriod: integer(),
  StartInterval: integer(),
  Retries: integer("int"),
});

/** In the order of moby's `api/types/swarm/container.go`. */
export const containerSpec = struct<ContainerSpec>("ContainerSpec", {
  Image: text,
  Labels: labels,
  Command: texts,
  Args: texts,
  Hostname: text,
  Env: texts,
  Dir: text,
  User: text,
  Groups: texts,
  Privileges: privileges,
  Init: flagKept,
  StopSignal: text,
  TTY: flag,
  OpenStdin: flag,
  ReadOnly: flag,
  Mounts: structs(mount),
  StopGracePeriod: integerKept(),
  Healthcheck: healthcheck,
  Hosts: texts,
  DNSConfig: struct<Part<"DNSConfig">>("DNSConfig", { Nameservers: texts, Search: texts, Options: texts }),
  Secrets: structs(
    struct<Part<"Secrets">[number]>("SecretReference", { File: file, SecretID: textKept, SecretName: textKept }),
  ),
  Configs: structs(
    struct<Part<"Configs">[number]>("ConfigReference", {
      File: file,
      Runtime: struct("ConfigReferenceRuntimeTarget", {}),
      ConfigID: textKept,
      ConfigName: textKept,
    }),
  ),
  Isolation: (value, place) => text(value, place) ?? "default",
  Sysctls: labels,
  CapabilityAdd: texts,
  CapabilityDrop: texts,
  Ulimits: structs(
    struct<Part<"Ulimits">[number]>("Ulimit", { Name: textKept, Hard: integerKept(), Soft: integerKept() }),
  ),
  OomScoreAdj: integer(),
});
