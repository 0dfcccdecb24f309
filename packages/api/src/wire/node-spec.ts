import type { SentNodeSpec } from "@skep/manager";
import { decode, labelsKept, struct, text } from "./schema.ts";

/** The spec of `POST /nodes/{id}/update`. */
export const parseNodeSpec = (body: unknown): SentNodeSpec => decode(nodeSpec, body, "swarm.NodeSpec");

const nodeSpec = struct<SentNodeSpec>("NodeSpec", { Name: text, Labels: labelsKept, Role: text, Availability: text });
