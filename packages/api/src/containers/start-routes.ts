import { EngineError } from "@skep/engine";
import { DomainError } from "@skep/model";
import type { MergeContext } from "../merged/merge-context.ts";
import type { MergedRoute } from "../merged/merged-route.ts";

/** Passed through, but that a start which skep has refused is told in skep's words alone. */
export const startRoutes = ({ engine, swarm }: MergeContext): MergedRoute[] =>
  (["start", "restart"] as const).map((verb) => ({
    method: "POST",
    path: `/containers/{id}/${verb}`,
    async handle({ params, query, headers, apiVersion, signal }) {
      const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
      if (!swarm.networks()?.attachesAny || hasBody) return { passThrough: {} };
      const path = `/v${apiVersion}/containers/${encodeURIComponent(params.id ?? "")}/${verb}?${query}`;
      try {
        const answer = await engine.open("POST", path, { signal, accept: [304] });
        answer.resume();
        return { status: answer.statusCode ?? 204 };
      } catch (error) {
        const reason = error instanceof EngineError ? refusalIn(error.message) : undefined;
        throw reason === undefined ? error : new DomainError("forbidden", reason);
      }
    },
  }));

/** The engine wraps what the runtime's hook has said into what it knows itself. */
export const refusalIn = (message: string): string | undefined =>
  /error running hook.*stderr: skep: (.*?)(?:: unknown)?$/s.exec(message)?.[1];
