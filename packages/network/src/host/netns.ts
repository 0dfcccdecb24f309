import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, statfsSync, unlinkSync, writeFileSync } from "node:fs";
import { hasCode } from "@skep/model";
import { KernelError, type NamespacePath } from "./kernel.ts";
import { CLONE_NEWNET, check, libc } from "./libc.ts";

/** Where `ip netns` keeps its namespaces. */
export const namespaceDirectory = "/run/netns";

export const namedNamespace = (name: string): NamespacePath => `${namespaceDirectory}/${name}`;

/** The namespace of the calling thread; a thread other than the first is not what `/proc/self` shows. */
export const ownNamespace: NamespacePath = "/proc/thread-self/ns/net";

const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 1 << 20;
const MNT_DETACH = 2;
const nsfsMagic = 0x6e736673;

/** An open namespace: an inode that stays reachable as long as the descriptor is open. */
export interface OpenNamespace {
  readonly fd: number;
  readonly inode: number;
}

/** Opens a namespace file; throws `ENOENT` when there is none, `EINVAL` when the file is something else. */
export function openNamespace(path: NamespacePath): OpenNamespace {
  const fd = openSync(path, "r");
  try {
    if (!isNamespaceFile(path)) throw new KernelError("EINVAL", `${path} is not a namespace`);
    return { fd, inode: fstatSync(fd).ino };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const isNamespaceFile = (path: NamespacePath) => statfsSync(path).type === nsfsMagic;

/**
 * Runs `work` with the calling thread in the namespace; `work` must be synchronous. A thread that cannot come back
 * would go on in a stranger's network, so the process ends there and then.
 */
export function enterNamespace<T>(fd: number, work: () => T): T {
  return comingBack(() => {
    check(libc().setns(fd, CLONE_NEWNET), "setns");
    return work();
  });
}

/** As `enterNamespace`, by a namespace's file. */
export function inNamespace<T>(path: NamespacePath, work: () => T): T {
  const { fd } = openNamespace(path);
  try {
    return enterNamespace(fd, work);
  } finally {
    closeSync(fd);
  }
}

/** Runs `work`, which must be synchronous, in a namespace that goes when nothing that it has opened holds it any more. */
export function inFreshNamespace<T>(work: () => T): T {
  return comingBack(() => {
    check(libc().unshare(CLONE_NEWNET), "unshare");
    return work();
  });
}

function comingBack<T>(work: () => T): T {
  const home = openSync(ownNamespace, "r");
  try {
    return work();
  } finally {
    if (libc().setns(home, CLONE_NEWNET) !== 0) libc().abort();
    closeSync(home);
  }
}

/** Makes a named namespace as `ip netns add` does; false when it exists. What a crash left half made is repaired. */
export function createNamespace(name: string): boolean {
  const path = namedNamespace(name);
  prepareDirectory();
  try {
    writeFileSync(path, "", { flag: "wx", mode: 0o444 });
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    if (isNamespaceFile(path)) return false;
  }
  inFreshNamespace(() => check(libc().mount(ownNamespace, path, "none", MS_BIND, null), `mount ${path}`));
  return true;
}

/** A shared mount as `ip netns` wants it: made later on by `ip`, it would hide the namespaces that are there already. */
function prepareDirectory(): void {
  mkdirSync(namespaceDirectory, { recursive: true, mode: 0o755 });
  const share = () => libc().mount("", namespaceDirectory, "none", MS_SHARED | MS_REC, null);
  if (share() === 0) return;
  check(libc().mount(namespaceDirectory, namespaceDirectory, "none", MS_BIND | MS_REC, null), "mount /run/netns");
  check(share(), "mount --make-shared /run/netns");
}

/** Takes the name away; the namespace goes when nothing holds it any more. */
export function removeNamespace(name: string): void {
  const path = namedNamespace(name);
  while (namespaceExists(name)) check(libc().umount2(path, MNT_DETACH), `umount ${path}`); // mounted twice after a race
  try {
    unlinkSync(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

export function namespaceExists(name: string): boolean {
  try {
    return isNamespaceFile(namedNamespace(name));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

export function namespaceNames(prefix: string): string[] {
  try {
    return readdirSync(namespaceDirectory).filter((name) => name.startsWith(prefix) && namespaceExists(name));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}
