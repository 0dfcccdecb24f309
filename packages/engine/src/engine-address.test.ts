import { expect, test } from "vitest";
import { describeAddress, parseEngineAddress } from "./engine-address.ts";

test.each([
  ["/run/docker.sock", "/run/docker.sock"],
  ["unix:///run/docker.sock", "/run/docker.sock"],
  ["tcp://10.0.0.1:2376", "tcp://10.0.0.1:2376"],
  ["tcp://engine.example", "tcp://engine.example:2375"],
  ["http://[fe80::1]:99", "tcp://fe80::1:99"],
])("reads the address %s", (target, described) => {
  expect(describeAddress(parseEngineAddress(target))).toBe(described);
});

test.each(["", "docker.sock", "ssh://host", "unix://relative"])("refuses the address %j", (target) => {
  expect(() => parseEngineAddress(target)).toThrow("is not an engine address");
});
