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
    }
  | { readonly id: number; readonly context: number; readonly release: true };

export interface NftResponse extends NftResult {
  readonly id: number;
}

/**
 * All of nft runs on this one thread: the library knows nothing of threads, a large ruleset takes a fifth of a second,
 * and it may open its socket anew in the middle of a call, which must happen in the namespace that is meant.
 */
function serve(port: NonNullable<typeof parentPort>): void {
  const nft = loadNft();
  const contexts = new Map<number, NftContext>();

  function answer(request: NftRequest): NftResult {
    if ("release" in request) {
      contexts.get(request.context)?.[Symbol.dispose]();
      contexts.delete(request.context);
      return { ok: true, output: "", error: "" };
    }
    return enterNamespace(request.namespaceFd, () => {
      const context = contexts.get(request.context) ?? nft.open();
      contexts.set(request.context, context);
      return context.run(request.script, request.json);
    });
  }

  port.on("message", (request: NftRequest) => {
    const response = (result: NftResult): NftResponse => ({ id: request.id, ...result });
    try {
      port.postMessage(response(answer(request)));
    } catch (error) {
      port.postMessage(
        response({ ok: false, output: "", error: error instanceof Error ? error.message : String(error) }),
      );
    }
  });
}

if (parentPort) serve(parentPort);
