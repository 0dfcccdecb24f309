import { spawnSync } from "node:child_process";
import { loadLibrary } from "./libc.ts";
import { NETLINK_NETFILTER } from "./netlink/socket.ts";
import { findOwnSocket, isStill, type OwnSocket } from "./own-sockets.ts";

/** What nft said to a script: its output, and its complaint when it refused it. */
export interface NftResult {
  readonly ok: boolean;
  readonly output: string;
  readonly error: string;
}

/** Runs nft scripts in the namespace the calling thread is in; a context keeps the namespace it was made in. */
export interface NftLibrary {
  open(): NftContext;
}

export interface NftContext extends Disposable {
  run(script: string, json: boolean): NftResult;
  /** The netlink ports by which the kernel names this context in its notifications; known after the first run. */
  ports(): readonly number[];
}

/** From nftables/libnftables.h. */
const NFT_CTX_OUTPUT_JSON = 1 << 4;

/** libnftables, or the nft command where only that is installed. */
export function loadNft(): NftLibrary {
  try {
    return loadLibnftables();
  } catch {
    return { open: openNftCommand };
  }
}

/** An opaque pointer. */
type Context = unknown;

/** The library is not documented as safe for threads: all calls must come from one. */
export function loadLibnftables(): NftLibrary {
  const library = loadLibrary(["libnftables.so.1"]);
  const create: (flags: number) => Context = library.func("void *nft_ctx_new(uint32)");
  const free: (context: Context) => void = library.func("void nft_ctx_free(void *)");
  const run: (context: Context, script: string) => number = library.func(
    "int nft_run_cmd_from_buffer(void *, const char *)",
  );
  const setFlags: (context: Context, flags: number) => void = library.func(
    "void nft_ctx_output_set_flags(void *, uint)",
  );
  const bufferOutput: (context: Context) => number = library.func("int nft_ctx_buffer_output(void *)");
  const bufferError: (context: Context) => number = library.func("int nft_ctx_buffer_error(void *)");
  const output: (context: Context) => string = library.func("const char *nft_ctx_get_output_buffer(void *)");
  const error: (context: Context) => string = library.func("const char *nft_ctx_get_error_buffer(void *)");

  function open(): NftContext {
    const context = create(0);
    if (!context) throw new Error("nft_ctx_new failed");
    bufferOutput(context);
    bufferError(context);
    let socket: OwnSocket | undefined;
    return {
      run(script, json) {
        setFlags(context, json ? NFT_CTX_OUTPUT_JSON : 0);
        const code = run(context, script);
        return { ok: code === 0, output: output(context), error: error(context) }; // reading a buffer empties it
      },
      ports() {
        if (!socket || !isStill(socket)) socket = findOwnSocket(NETLINK_NETFILTER);
        return socket?.ports ?? [];
      },
      [Symbol.dispose]: () => free(context),
    };
  }
  return { open };
}

/** A process for each script; its netlink port is its process id. */
export function openNftCommand(): NftContext {
  const pids: number[] = [];
  return {
    run(script, json) {
      const options = { encoding: "utf8", maxBuffer: 1 << 28 } as const;
      const result = json
        ? spawnSync("nft", ["-j", script], options)
        : spawnSync("nft", ["-f", "-"], { ...options, input: script });
      pids.splice(0, Math.max(0, pids.length - 15));
      pids.push(result.pid);
      return { ok: result.status === 0, output: result.stdout ?? "", error: result.error?.message ?? result.stderr };
    },
    ports: () => pids,
    [Symbol.dispose]: () => {},
  };
}
