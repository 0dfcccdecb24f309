import { closeSync } from "node:fs";
import type { DeviceFilter } from "../kernel.ts";
import { u32 } from "../netlink/message.ts";
import { enterNamespace } from "../netns.ts";
import * as bpf from "./bpf.ts";
import {
  isShortcutProgram,
  type ShortcutMaps,
  type ShortcutProgram,
  shortcutProgram,
  shortcutSizes,
} from "./shortcut-programs.ts";

/** A filter as it is found on a device. */
export interface FoundFilter {
  readonly device: string;
  readonly side: DeviceFilter["side"];
  readonly name: string;
  readonly programId: number;
  /** Of `bpf.ProgramInfo`. */
  readonly tag: string;
}

export const filterName = (program: ShortcutProgram): string => `${prefix}${program}`;
const prefix = "skep-";

const shapes = {
  flows: [bpf.BPF_MAP_TYPE_LRU_HASH, shortcutSizes.key, shortcutSizes.value],
  devices: [bpf.BPF_MAP_TYPE_DEVMAP_HASH, 4, 4],
} as const;
const entries = { flows: 65_536, devices: 16_384 } as const;

/**
 * The programs of one namespace and what they share. Filters keep their programs, and these their maps, when this process
 * ends: the next one finds them there and goes on with them.
 */
export class Shortcuts implements Disposable {
  readonly #namespaceFd: number;
  #maps: ShortcutMaps | undefined;
  readonly #programs = new Map<ShortcutProgram, { readonly fd: number; readonly tag: string }>();

  constructor(namespaceFd: number) {
    this.#namespaceFd = namespaceFd;
  }

  /** The program for a filter that is about to be put on the device of that index. */
  programFor({ program }: DeviceFilter, index: number): number {
    this.#maps ??= createMaps();
    const { devices } = this.#maps;
    if (program === "to-container")
      enterNamespace(this.#namespaceFd, () => bpf.putElement(devices, u32(index), u32(index)));
    return this.#load(program, this.#maps).fd;
  }

  /** Those of an earlier process or this one that do what they would do if they were put now. */
  recognize(found: readonly FoundFilter[]): DeviceFilter[] {
    for (const { name, programId } of found) if (name.startsWith(prefix)) this.#maps ??= findMaps(programId);
    const maps = this.#maps;
    if (!maps) return [];
    return found.flatMap(({ device, side, name, tag }) => {
      const program = name.slice(prefix.length);
      const isSame = isShortcutProgram(program) && this.#load(program, maps).tag === tag;
      return isSame ? [{ device, side, program }] : [];
    });
  }

  #load(program: ShortcutProgram, maps: ShortcutMaps) {
    const known = this.#programs.get(program);
    if (known) return known;
    const fd = bpf.loadFilter(shortcutProgram(program, maps));
    const made = { fd, tag: bpf.programInfo(fd).tag };
    this.#programs.set(program, made);
    return made;
  }

  [Symbol.dispose](): void {
    const { flows, devices } = this.#maps ?? {};
    for (const fd of [...[...this.#programs.values()].map((each) => each.fd), flows, devices])
      if (fd !== undefined) closeSync(fd);
    this.#programs.clear();
    this.#maps = undefined;
  }
}

const createMaps = (): ShortcutMaps => ({
  flows: bpf.createMap(...shapes.flows, entries.flows),
  devices: bpf.createMap(...shapes.devices, entries.devices),
});

/** As `mapsOf`; undefined as well if the program has gone meanwhile. */
function findMaps(programId: number): ShortcutMaps | undefined {
  try {
    return mapsOf(programId);
  } catch {
    return undefined;
  }
}

/** The maps of a program that an earlier process has loaded; undefined if they are of another shape than this one's. */
function mapsOf(programId: number): ShortcutMaps | undefined {
  const program = bpf.openProgram(programId);
  const maps = bpf.programInfo(program).maps.map(bpf.openMap);
  closeSync(program);
  const ofShape = (shape: readonly number[]) => maps.find((map) => `${bpf.mapInfo(map)}` === `${shape}`);
  const [flows, devices] = [ofShape(shapes.flows), ofShape(shapes.devices)];
  if (flows !== undefined && devices !== undefined) return { flows, devices };
  for (const map of maps) closeSync(map);
  return undefined;
}
