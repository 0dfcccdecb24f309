/**
 * Programs for the kernel's own machine, as linux/bpf.h and its instruction set standard have it: eleven registers, a
 * stack of 512 bytes below `r10`, jumps to labels. Just what skep's programs use; the kernel's verifier checks the rest.
 */
export type Instruction =
  | { readonly label: string }
  | {
      readonly code: number;
      readonly to?: Register;
      readonly from?: Register | number;
      readonly offset?: number | string;
      readonly value?: number;
      /** The upper half of a value of 64 bits, in a second slot. */
      readonly upper?: number;
    };

export type Register = "r0" | "r1" | "r2" | "r3" | "r4" | "r5" | "r6" | "r7" | "r8" | "r9" | "r10";
/** 8, 16, 32 or 64 bits. */
export type Size = "u8" | "u16" | "u32" | "u64";

const slotBytes = 8;
const sizes = { u32: 0x00, u16: 0x08, u8: 0x10, u64: 0x18 } as const;
const isMap = 1;

export const label = (name: string): Instruction => ({ label: name });
export const set = (to: Register, value: number): Instruction => ({ code: 0xb7, to, value });
export const copy = (to: Register, from: Register): Instruction => ({ code: 0xbf, to, from });
export const add = (to: Register, value: number): Instruction => ({ code: 0x07, to, value });
export const addRegister = (to: Register, from: Register): Instruction => ({ code: 0x0f, to, from });
export const and = (to: Register, value: number): Instruction => ({ code: 0x57, to, value });
export const or = (to: Register, from: Register): Instruction => ({ code: 0x4f, to, from });
export const shiftLeft = (to: Register, value: number): Instruction => ({ code: 0x67, to, value });
/** The lower 32 bits, in the order of the network. */
export const toNetworkOrder = (to: Register): Instruction => ({ code: 0xdc, to, value: 32 });
export const load = (size: Size, to: Register, from: Register, offset: number): Instruction => ({
  code: 0x61 | sizes[size],
  to,
  from,
  offset,
});
export const store = (size: Size, to: Register, offset: number, from: Register): Instruction => ({
  code: 0x63 | sizes[size],
  to,
  offset,
  from,
});
export const storeValue = (size: Size, to: Register, offset: number, value: number): Instruction => ({
  code: 0x62 | sizes[size],
  to,
  offset,
  value,
});
/** To a label, if what is in the register compares so. */
export const jumpIf = (to: Register, is: keyof typeof comparisons, value: number, offset: string): Instruction => ({
  code: comparisons[is],
  to,
  value,
  offset,
});
export const jumpIfRegister = (to: Register, is: keyof typeof comparisons, from: Register, offset: string) => ({
  code: comparisons[is] | 0x08,
  to,
  from,
  offset,
});
/** Of values without a sign; `has`: a bit in common. */
const comparisons = { "=": 0x15, "!=": 0x55, ">": 0x25, has: 0x45 } as const;
export const setLong = (to: Register, value: bigint): Instruction => ({
  code: 0x18,
  to,
  value: Number(BigInt.asIntN(32, value)),
  upper: Number(BigInt.asIntN(32, value >> 32n)),
});
/** A map by its descriptor. */
export const setMap = (to: Register, fd: number): Instruction => ({ code: 0x18, to, from: isMap, value: fd, upper: 0 });
/** A function of the kernel, with `r1` to `r5`; they are void afterwards, and `r0` is what it answered. */
export const call = (helper: keyof typeof helpers): Instruction => ({ code: 0x85, value: helpers[helper] });
export const exit: Instruction = { code: 0x95 };

/** Numbers of bpf-helpers(7). */
const helpers = {
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  storeBytes: 9,
  redirect: 23,
  loadBytes: 26,
  redirectPeer: 155,
  coarseTime: 160,
} as const;

/** The bytes of a program. Throws on a jump to nowhere. */
export function assemble(program: readonly Instruction[]): Buffer {
  const labels = new Map<string, number>();
  let length = 0;
  for (const each of program) {
    if ("label" in each) labels.set(each.label, length);
    else length += each.upper === undefined ? 1 : 2;
  }
  const bytes = Buffer.alloc(length * slotBytes);
  let slot = 0;
  for (const each of program) {
    if ("label" in each) continue;
    const at = slot * slotBytes;
    bytes.writeUInt8(each.code, at);
    bytes.writeUInt8(numberOf(each.to) | (numberOf(each.from) << 4), at + 1);
    bytes.writeInt16LE(distance(each.offset, slot, labels), at + 2);
    bytes.writeInt32LE((each.value ?? 0) | 0, at + 4);
    slot++;
    if (each.upper !== undefined) bytes.writeInt32LE(each.upper, slot++ * slotBytes + 4);
  }
  return bytes;
}

const numberOf = (register: Register | number = 0): number =>
  typeof register === "number" ? register : Number(register.slice(1));

function distance(offset: number | string = 0, slot: number, labels: ReadonlyMap<string, number>): number {
  if (typeof offset === "number") return offset;
  const target = labels.get(offset);
  if (target === undefined) throw new Error(`no label ${offset}`);
  return target - slot - 1;
}
