import { constants } from "node:os";
import koffi, { type LibraryHandle } from "koffi";
import { KernelError } from "./kernel.ts";

/** The few calls of the C library that Node has no words for. They return -1 on failure; `failed` says why. */
export interface Libc {
  readonly setns: (fd: number, type: number) => number;
  readonly unshare: (flags: number) => number;
  readonly mount: (source: string, target: string, type: string | null, flags: number, data: null) => number;
  readonly umount2: (target: string, flags: number) => number;
  readonly socket: (family: number, type: number, protocol: number) => number;
  readonly bind: (fd: number, address: Buffer, length: number) => number;
  readonly listen: (fd: number, backlog: number) => number;
  readonly getsockname: (fd: number, address: Buffer, length: Buffer) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Buffer, length: number) => number;
  readonly send: AsyncCall<[fd: number, data: Buffer, length: number, flags: number]>;
  readonly sendto: (fd: number, data: Buffer, length: number, flags: number, to: Buffer, toLength: number) => number;
  readonly recv: AsyncCall<[fd: number, data: Buffer, length: number, flags: number]>;
  readonly ioctl: (fd: number, request: number, argument: Buffer) => number;
  readonly close: (fd: number) => number;
  /** bpf(2) by its number, which no C library has a function for. */
  readonly syscall: (number: number, command: number, attributes: Buffer, length: number) => number;
  /** Ends the process, from any of its threads. */
  readonly abort: () => void;
}

/** A call that can also be carried out by a thread of the pool. */
export interface AsyncCall<Arguments extends unknown[]> {
  (...args: Arguments): number;
  readonly async: (...args: [...Arguments, done: (error: unknown, result: number) => void]) => void;
}

export const AF_INET = 2;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const CLONE_NEWNET = 0x40000000;

/** As the C libraries name their file, glibc's first. */
const names = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`, "libc.so"];

let loaded: Libc | undefined;

/** The C library of this process, loaded when it is first needed. */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  const library = loadLibrary(names);
  return {
    setns: library.func("int setns(int, int)"),
    unshare: library.func("int unshare(int)"),
    mount: library.func("int mount(const char *, const char *, const char *, unsigned long, void *)"),
    umount2: library.func("int umount2(const char *, int)"),
    socket: library.func("int socket(int, int, int)"),
    bind: library.func("int bind(int, void *, uint32)"),
    listen: library.func("int listen(int, int)"),
    getsockname: library.func("int getsockname(int, void *, void *)"),
    setsockopt: library.func("int setsockopt(int, int, int, void *, uint32)"),
    send: library.func("int64 send(int, void *, uint64, int)"),
    sendto: library.func("int64 sendto(int, void *, uint64, int, void *, uint32)"),
    recv: library.func("int64 recv(int, void *, uint64, int)"),
    ioctl: library.func("int ioctl(int, unsigned long, void *)"),
    close: library.func("int close(int)"),
    syscall: library.func("long syscall(long, int, void *, uint32)"),
    abort: library.func("void abort()"),
  };
}

/** The first of the libraries that is installed. */
export function loadLibrary(candidates: readonly string[]): LibraryHandle {
  const failures: unknown[] = [];
  for (const name of candidates) {
    try {
      return koffi.load(name);
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `none of ${candidates.join(", ")} can be loaded`);
}

/** Of two names for a number the one that manuals use. */
const synonyms: readonly string[] = ["EWOULDBLOCK", "ENOTSUP"];
const errnoNames = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => !synonyms.includes(name))
    .map(([name, number]) => [number, name]),
);

/** `EEXIST` for 17. */
export const errnoName = (errno: number): string => errnoNames.get(errno) ?? `errno ${errno}`;

/** Why the call before this failed. */
export const lastErrno = (): string => errnoName(koffi.errno());

/** An error for a call that returned -1; to be made before any other call. */
export function failed(what: string): KernelError {
  const code = lastErrno();
  return new KernelError(code, `${what}: ${code}`);
}

/** The result of a call, or its failure thrown. */
export function check(result: number, what: string): number {
  if (result < 0) throw failed(what);
  return result;
}

/** Lets a thread of the pool carry a call out. Errors are thrown as `check` throws them. */
export function onThread<Arguments extends unknown[]>(
  call: AsyncCall<Arguments>,
  what: string,
  ...args: Arguments
): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error, result) => {
      if (error) return reject(error);
      if (result < 0) return reject(failed(what));
      resolve(result);
    });
  });
}
