import { expect, test } from "vitest";
import { refusalIn } from "./start-routes.ts";

const wrapped = (words: string) =>
  "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error " +
  `during container init: error running hook #1: error running hook: exit status 1, stdout: , stderr: skep: ${words}: unknown`;

test("finds in the engine's words why skep has refused a start", () => {
  const words =
    "Could not attach to network plain: rpc error: code = PermissionDenied desc = network plain not manually attachable";
  expect(refusalIn(wrapped(words))).toBe(words);
  expect(refusalIn(`Cannot restart container c1: ${wrapped(words)}`)).toBe(words);
  expect(refusalIn("driver failed programming external connectivity")).toBeUndefined();
});
