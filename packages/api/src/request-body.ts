import type { IncomingMessage } from "node:http";
import { DomainError } from "@skep/model";
import { parseGoJson } from "./go-json.ts";

/** No cluster object comes near: Docker's own limit for a service spec is a few MiB. */
const largestBodyBytes = 16 << 20;

/** Reads and parses a JSON body as the Engine API does (`swarm-api.md` section 1); throws DomainError. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  return parseJsonBody(await readBody(request), request.headers["content-type"]);
}

/** A body that was read already; throws as `readJson`. */
export function parseJsonBody(body: Buffer, contentType: string | undefined): unknown {
  if (body.length === 0) throw invalid("got EOF while reading request body");
  checkContentType(contentType);
  return parseGoJson(body.toString());
}

function checkContentType(header: string | undefined): void {
  const type = header?.split(";")[0]?.trim().toLowerCase();
  if (type === undefined || type === "application/json") return;
  throw invalid(`unsupported Content-Type header (${header}): must be 'application/json'`);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > largestBodyBytes) throw invalid(`request body is larger than ${largestBodyBytes >> 20} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const invalid = (message: string) => new DomainError("invalid-parameter", message);
