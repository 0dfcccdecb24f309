import { readFileSync, writeFileSync } from "node:fs";

/** `net.ipv4.conf.eth0/1.rp_filter` is `/proc/sys/net/ipv4/conf/eth0.1/rp_filter`, as sysctl(8) has it. */
export const sysctlPath = (name: string): string =>
  `/proc/sys/${name.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."))}`;

/** Writes the values that differ, in the namespace of the calling thread; returns the names of those. */
export function writeSysctls(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values)
    .filter(([name, value]) => writeIfDifferent(sysctlPath(name), value))
    .map(([name]) => name);
}

function writeIfDifferent(path: string, value: string): boolean {
  if (normal(readFileSync(path, "utf8")) === normal(value)) return false;
  writeFileSync(path, value);
  return true;
}

/** Values of several numbers are separated by tabs or blanks. */
const normal = (value: string) => value.trim().replace(/\s+/g, " ");
