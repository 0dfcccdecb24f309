import { flushCompileCache } from "node:module";
import { parentPort } from "node:worker_threads";
import { enterNamespace } from "./netns.ts";
import { loadNft, type NftContext, type NftResult } from "./nft-library.ts";

/** What the worker is asked; `context` tells handles apart, `namespaceFd` is of this process and stays open meanwhile. */
export type NftRequest =
  | {
      readonly id: number;
      readonly context: number;
      readonly namespaceFd: number;
      readonly script: string;
      readonly json: boolean;
      /** Somebody watches the namespace: the ports of the context matter, and looking for them takes its time. */
      readonly watched: boolean;
    }
  | { readonly id: number; readonly context: number; readonly release: true };

export interface NftResponse extends NftResult {
  readonly id: number;
  /** The context's, as `NftContext` has them. */
  readonly ports: readonly number[];
}

/**
 * All of nft runs on this one thread: the library knows nothing of threads, a large ruleset takes a fifth of a second,
 * and it may open its socket anew in the middle of a call, which must happen in the namespace that is meant.
 */
function serve(port: NonNullable<typeof parentPort>): void {
  const nft = loadNft();
  const contexts = new Map<number, NftContext>();

  function answer(request: NftRequest): Omit<NftResponse, "id"> {
    if ("release" in request) {
      contexts.get(request.context)?.[Symbol.dispose]();
      contexts.delete(request.context);
      return { ok: true, output: "", error: "", ports: [] };
    }
    return enterNamespace(request.namespaceFd, () => {
      const context = contexts.get(request.context) ?? nft.open();
      contexts.set(request.context, context);
      return { ...context.run(request.script, request.json), ports: request.watched ? context.ports() : [] };
    });
  }

  port.on("message", (request: NftRequest) => {
    const { id } = request;
    try {
      port.postMessage({ id, ...answer(request) } satisfies NftResponse);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      port.postMessage({ id, ok: false, output: "", error: message, ports: [] } satisfies NftResponse);
    }
  });
}

if (parentPort) serve(parentPort);
flushCompileCache(); // not at the end, which may be a SIGKILL
