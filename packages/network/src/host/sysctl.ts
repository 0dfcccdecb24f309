import { readFileSync, writeFileSync } from "node:fs";

/** The first separator decides, as in sysctl(8): `net.ipv4.conf.eth0/1.mtu` and `net/ipv4/conf/eth0.1/mtu` are the same. */
export function sysctlPath(name: string): string {
  const swapped = /[./]/.exec(name)?.[0] === ".";
  const path = swapped ? name.replace(/[./]/g, (separator) => (separator === "." ? "/" : ".")) : name;
  return `/proc/sys/${path}`;
}

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
