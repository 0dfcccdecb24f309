import type { IncomingHttpHeaders } from "node:http";

/** One method on one path that skep answers itself. */
export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Without the version prefix, `/services/{id}/update`; `{name}` takes one path segment, percent-decoded. */
  readonly path: `/${string}`;
  /** What it throws is answered as `error-response.ts` says: a `DomainError` as it is, anything else as 500. */
  handle(request: ApiRequest): ApiResponse | Promise<ApiResponse>;
}

export interface ApiRequest {
  readonly method: string;
  /** Without the version prefix, percent-decoded. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Of the path's prefix, else the newest this daemon speaks: `1.41`. */
  readonly apiVersion: string;
  /** True when `apiVersion` is `version` or newer: `request.atLeast("1.44")`. */
  atLeast(version: string): boolean;
  /**
   * The body, parsed. Throws `DomainError` with Docker's words when it is missing, too large, not JSON, or of another
   * content type. Go matches field names regardless of case: see `canonicalKeys` for the other half of that.
   */
  json(): Promise<unknown>;
  /** Aborts when the client goes away; never after the response was sent whole. */
  readonly signal: AbortSignal;
}

export type ApiResponse = JsonResponse | TextResponse | EmptyResponse | StreamResponse;

export interface JsonResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with a newline behind it, as Go's encoder does. */
  readonly json: unknown;
}

export interface TextResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is, `text/plain`. */
  readonly text: string;
}

export interface EmptyResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StreamResponse {
  readonly status: number;
  /** No content type is added to these. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Writes the chunked body; the response ends when it resolves, and is cut off when it rejects. */
  stream(write: WriteStream): Promise<void>;
}

/** Sends one piece of the body; resolves when the client can take more. Rejects once the client is gone. */
export type WriteStream = (chunk: string | Uint8Array) => Promise<void>;

export interface RouteMatch<R = Route> {
  readonly route: R;
  readonly params: Readonly<Record<string, string>>;
}

/** The route for a method and a path (decoded, without version prefix); the first listed wins. */
export type Router<R = Route> = (method: string, path: string) => RouteMatch<R> | undefined;

export function createRouter<R extends Pick<Route, "method" | "path">>(routes: readonly R[]): Router<R> {
  const compiled = routes.map((route) => ({ route, segments: segmentsOf(route.path) }));
  return (method, path) => {
    const segments = segmentsOf(path);
    for (const { route, segments: pattern } of compiled) {
      if (route.method !== method) continue;
      const params = matchSegments(pattern, segments);
      if (params) return { route, params };
    }
    return undefined;
  };
}

const segmentsOf = (path: string): readonly string[] => path.split("/").slice(1);

function matchSegments(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith("{") && segment !== "") params[part.slice(1, -1)] = segment;
    else if (part !== segment) return undefined;
  }
  return params;
}
