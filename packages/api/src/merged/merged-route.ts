import type { Readable } from "node:stream";
import type { ApiRequest, ApiResponse, Route } from "../router.ts";

/** A route that may look at a request and leave it to the engine; every `Route` is one too. */
export interface MergedRoute extends Pick<Route, "method" | "path"> {
  handle(request: MergedRequest): MergedResponse | Promise<MergedResponse>;
}

export interface MergedRequest extends ApiRequest {
  /** Unread; `json` reads it. */
  readonly body: Readable;
}

export type MergedResponse = ApiResponse | PassThroughResponse;

/** The engine answers, and its answer goes to the client untouched. */
export interface PassThroughResponse {
  readonly passThrough: PassThroughOptions;
}

export interface PassThroughOptions {
  /** In place of the request's own body, which then must have been read into it. */
  readonly body?: Readable;
  /** In place of the request's own target. */
  readonly target?: string;
}
