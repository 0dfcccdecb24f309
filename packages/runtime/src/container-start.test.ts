import { readFileSync } from "node:fs";
import { DomainError } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { describeStart, parseState } from "./container-start.ts";

const real = readFileSync(new URL("../test-data/captures/docker-20.10-none.json", import.meta.url), "utf8");
const containerId = /\/containers\/([0-9a-f]{64})\/hosts/.exec(real)?.[1] ?? "";
const state = { containerId, pid: 42, bundle: "/run/b" };

test("runc's state tells id, pid and bundle", () => {
  const text = JSON.stringify({
    ...{ ociVersion: "1.0.2-dev", id: containerId, status: "creating", pid: 42, bundle: "/run/b", annotations: {} },
  });
  expect(parseState(text)).toEqual(state);
});

test.each([
  ["", "the container's state is not JSON"],
  ["[]", "the container's state is not a JSON object"],
  [{ pid: 1, bundle: "/b" }, "the container's id is not what it should be: missing"],
  [{ id: "../x", pid: 1, bundle: "/b" }, 'the container\'s id is not what it should be: "../x"'],
  [{ id: containerId, pid: 0, bundle: "/b" }, "the container's pid is not what it should be: 0"],
  [{ id: containerId, pid: "1", bundle: "/b" }, 'the container\'s pid is not what it should be: "1"'],
  [{ id: containerId, pid: 1, bundle: "b" }, 'the container\'s bundle is not what it should be: "b"'],
])("anything else is refused: %j", (value, message) => {
  expect(() => parseState(typeof value === "string" ? value : JSON.stringify(value))).toThrow(message);
});

test("no text at all does more than being refused", () => {
  const text = fc.oneof(fc.string(), fc.json(), fc.constantFrom(real));
  fc.assert(
    fc.property(text, text, (stateText, config) => {
      for (const parse of [() => parseState(stateText), () => describeStart(state, config)]) {
        try {
          parse();
        } catch (error) {
          expect(error).toBeInstanceOf(DomainError);
        }
      }
    }),
  );
});

test("the configuration of docker 20.10 tells the host name and the files under /etc", () => {
  const folder = `/var/lib/docker/containers/${containerId}`;
  expect(describeStart(state, real)).toEqual({
    ...{ ...state, hostname: containerId.slice(0, 12) },
    ...{ hostsPath: `${folder}/hosts`, resolvConfPath: `${folder}/resolv.conf` },
  });
});

test("a hosts file that the operator has mounted is not ours to write", () => {
  const mounts = [
    { destination: "/etc/hosts", type: "bind", source: `/var/lib/docker/containers/${containerId}/hosts` },
    { destination: "/etc/hosts", type: "bind", source: "/etc/hosts" },
  ];
  expect(describeStart(state, JSON.stringify({ mounts }))).toEqual({ ...state, hostname: "" });
});
