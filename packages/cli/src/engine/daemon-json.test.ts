import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { readDaemonJson, withoutEmptyRuntimes, withoutRuntime, withRuntime, writeDaemonJson } from "./daemon-json.ts";
import { flagValues } from "./dockerd.ts";
import { runtimeEntry } from "./engine-command.ts";

const folder = mkdtempSync(join(tmpdir(), "skep-daemon-json-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const entry = { path: "/opt/skep/bin/skep-runc" };

test("install then remove gives back the original meaning", () => {
  const runtimes = fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.record({ path: fc.string() }), { maxKeys: 2 });
  const daemonJson = fc.record(
    { debug: fc.boolean(), dns: fc.array(fc.ipV4()), labels: fc.array(fc.string()), runtimes },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(daemonJson, fc.constantFrom(undefined, 2, "\t"), (content, indent) => {
      const before = JSON.stringify(content, undefined, indent);
      const installed = withRuntime(before, "skep", entry);
      expect(JSON.parse(installed)).toEqual({ ...content, runtimes: { ...content.runtimes, skep: entry } });
      const removing = withoutRuntime(installed, "skep");
      expect(JSON.parse(removing)).toEqual({ ...content, runtimes: content.runtimes ?? {} });
      const { runtimes: others, ...rest } = content;
      const isEmpty = Object.keys(others ?? {}).length === 0;
      expect(JSON.parse(withoutEmptyRuntimes(removing))).toEqual(isEmpty ? rest : content);
    }),
  );
});

test.each([undefined, "", "\n", "{}"])(
  "a file that is not there or says nothing (%j) is one with nothing in it",
  (text) => {
    expect(JSON.parse(withRuntime(text, "skep", entry))).toEqual({ runtimes: { skep: entry } });
    expect(JSON.parse(withoutRuntime(text, "skep"))).toEqual({ runtimes: {} });
  },
);

test("dockerd forgets the last runtime only by an empty list", () => {
  expect(withoutRuntime('{"runtimes":null}', "skep")).toBe('{"runtimes":{}}');
  expect(withoutRuntime('{"debug":true}', "skep")).toBe('{"debug":true, "runtimes": {}}');
});

test.each([
  ["{", "it is not JSON"],
  ["[]", "it is not one JSON object"],
  ["null", "it is not one JSON object"],
  ['{"runtimes":[]}', '"runtimes" in it is not an object'],
])("what dockerd would not start with (%s) is told", async (text, message) => {
  const file = join(folder, "bad.json");
  writeFileSync(file, text);
  await expect(readDaemonJson(file)).rejects.toThrow(`${file} cannot be used: ${message}`);
});

test("a file keeps its mode, a link stays one, and what was there is kept beside it", async () => {
  const real = join(folder, "real.json");
  const file = join(folder, "daemon.json");
  writeFileSync(real, '{"debug":true}', { mode: 0o600 });
  symlinkSync(real, file);
  await writeDaemonJson(await readDaemonJson(file), "{}");
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect(readFileSync(file, "utf8")).toBe("{}");
  expect(statSync(real).mode & 0o777).toBe(0o600);
  expect(readFileSync(`${real}.skep-backup`, "utf8")).toBe('{"debug":true}');
  expect(readdirSync(folder).filter((name) => name.endsWith("-new"))).toEqual([]);
});

test("a file that is not there is made, with its folder", async () => {
  const file = join(folder, "etc", "docker", "daemon.json");
  await writeDaemonJson(await readDaemonJson(file), "{}");
  expect(readFileSync(file, "utf8")).toBe("{}");
});

test("dockerd's flags are read in both spellings", () => {
  const command = ["dockerd", "--add-runtime", "a=/a", "--add-runtime=b=/b", "--debug", "--add-runtimes=c"];
  expect(flagValues(command, "add-runtime")).toEqual(["a=/a", "b=/b"]);
});

test("a socket other than the default one is an argument, a path that a shell would change is refused", () => {
  expect(runtimeEntry("/run/skep/runtime.sock", "/b/skep-runc")).toEqual({ path: "/b/skep-runc" });
  expect(runtimeEntry("/x.sock", "/b/skep-runc")).toEqual({
    path: "/b/skep-runc",
    runtimeArgs: ["--skep-socket=/x.sock"],
  });
  for (const odd of ["x.sock", "/a b", "/$x", "/'"])
    expect(() => runtimeEntry(odd)).toThrow("cannot be given to dockerd");
});
