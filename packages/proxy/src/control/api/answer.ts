import { goJson } from "../../service/index.ts";

/** What the control API answers. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export const json = (status: number, value: unknown): Answer => ({
  status,
  contentType: "application/json",
  body: goJson(value),
});

export const text = (status: number, body: string, contentType = "text/plain; charset=utf-8"): Answer => ({
  status,
  contentType,
  body,
});

export const empty = (status: number): Answer => text(status, "");
