import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  /** Of the file system, as `254:0`. */
  readonly device: string;
  /** What of the file system is mounted, as a path within it. */
  readonly root: string;
  readonly point: string;
}

export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [, , device, root, point] = line.split(" ");
    if (device === undefined || root === undefined || point === undefined) return [];
    return [{ device, root: unescapePath(root), point: unescapePath(point) }];
  });
}

const unescapePath = (path: string) =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The mounts of `others` that are below `folder`, or of something that is; `own` are those that `folder` is seen by. */
export function mountsOf(folder: string, own: readonly Mount[], others: readonly Mount[]): Mount[] {
  const home = own.filter(({ point }) => isIn(folder, point)).sort((a, b) => b.point.length - a.point.length)[0];
  const rest = home === undefined ? folder : folder.slice(home.point === "/" ? 0 : home.point.length);
  const root = `${home?.root === "/" ? "" : (home?.root ?? "")}${rest}`;
  return others.filter(
    (mount) => isIn(mount.point, folder) || (mount.device === home?.device && isIn(mount.root, root)),
  );
}

const isIn = (path: string, folder: string) =>
  folder === "/" || path === folder || path.startsWith(`${folder}/`) || path.startsWith(`${folder}//deleted`);

/** The mounts of this process, and of one process of each other mount namespace. */
export function observeMounts(): { readonly own: Mount[]; readonly all: Mount[] } {
  const ownNamespace = readlinkSync("/proc/self/ns/mnt");
  const own = parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
  const seen = new Map([[ownNamespace, own]]);
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
      if (!seen.has(namespace)) seen.set(namespace, parseMounts(readFileSync(`/proc/${pid}/mountinfo`, "utf8")));
    } catch {
      // it has ended, or belongs to somebody whom we may not look at
    }
  }
  return { own, all: [...seen.values()].flat() };
}
