import koffi from "koffi";
import { check, libc } from "../libc.ts";

// bpf(2). Whoever calls needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN.

/** Kinds of maps, as in linux/bpf.h. */
export const BPF_MAP_TYPE_LRU_HASH = 9;
export const BPF_MAP_TYPE_DEVMAP_HASH = 25;

const command = { createMap: 0, updateElement: 2, loadProgram: 5, openProgram: 13, openMap: 14, tell: 15 } as const;
const BPF_PROG_TYPE_SCHED_CLS = 3;
const callNumber = process.arch === "arm64" ? 280 : 321;

const bpf = (what: string, command: number, attributes: Buffer): number =>
  check(libc().syscall(callNumber, command, attributes, attributes.length), what);

/** A map of `entries` entries; its descriptor. */
export function createMap(type: number, keyBytes: number, valueBytes: number, entries: number): number {
  const attributes = Buffer.alloc(20);
  for (const [i, value] of [type, keyBytes, valueBytes, entries].entries()) attributes.writeUInt32LE(value, 4 * i);
  return bpf("bpf: create map", command.createMap, attributes);
}

export function putElement(map: number, key: Buffer, value: Buffer): void {
  const attributes = Buffer.alloc(32);
  attributes.writeUInt32LE(map, 0);
  attributes.writeBigUInt64LE(koffi.address(key), 8);
  attributes.writeBigUInt64LE(koffi.address(value), 16);
  bpf("bpf: put element", command.updateElement, attributes);
}

/** A program for filters on devices; its descriptor. The verifier's reasons, when it refuses, are not asked for. */
export function loadFilter(program: Buffer): number {
  const license = Buffer.from("Apache-2.0\0");
  const attributes = Buffer.alloc(48);
  attributes.writeUInt32LE(BPF_PROG_TYPE_SCHED_CLS, 0);
  attributes.writeUInt32LE(program.length / 8, 4);
  attributes.writeBigUInt64LE(koffi.address(program), 8);
  attributes.writeBigUInt64LE(koffi.address(license), 16);
  return bpf("bpf: load program", command.loadProgram, attributes);
}

/** What the kernel tells of a program that somebody has loaded. */
export interface ProgramInfo {
  /** Of its instructions, wherever their maps are: programs with the same tag do the same. */
  readonly tag: string;
  /** Ids of the maps it uses. */
  readonly maps: readonly number[];
}

export function programInfo(program: number): ProgramInfo {
  const ids = Buffer.alloc(4 * mostMaps);
  const info = Buffer.alloc(64);
  info.writeUInt32LE(mostMaps, 52);
  info.writeBigUInt64LE(koffi.address(ids), 56);
  tell(program, info);
  const count = Math.min(info.readUInt32LE(52), mostMaps);
  return {
    tag: info.toString("hex", 8, 16),
    maps: Array.from({ length: count }, (_, i) => ids.readUInt32LE(4 * i)),
  };
}

const mostMaps = 16;

/** Type, size of keys, size of values. */
export function mapInfo(map: number): readonly [type: number, keyBytes: number, valueBytes: number] {
  const info = Buffer.alloc(16);
  tell(map, info);
  return [info.readUInt32LE(0), info.readUInt32LE(8), info.readUInt32LE(12)];
}

function tell(fd: number, info: Buffer): void {
  const attributes = Buffer.alloc(16);
  attributes.writeUInt32LE(fd, 0);
  attributes.writeUInt32LE(info.length, 4);
  attributes.writeBigUInt64LE(koffi.address(info), 8);
  bpf("bpf: tell", command.tell, attributes);
}

/** A descriptor of a program or map that there is. Throws `ENOENT` when there is none with that id. */
export const openProgram = (id: number): number => open(command.openProgram, id);
export const openMap = (id: number): number => open(command.openMap, id);

function open(which: number, id: number): number {
  const attributes = Buffer.alloc(12);
  attributes.writeUInt32LE(id, 0);
  return bpf(`bpf: open ${id}`, which, attributes);
}
