import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
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
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { wrapperPath } from "./wrapper-path.ts";

const folder = mkdtempSync(join(tmpdir(), "skep-runc-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, "config.json");
const log = join(folder, "log.json");
const create = fileURLToPath(new URL("../libexec/create", import.meta.url));
const hook = { path: "/lib/hook", args: ["skep-hook", "/run/s.sock"], timeout: 80 };
const real = (name: string) => readFileSync(new URL(`../test-data/captures/${name}.json`, import.meta.url), "utf8");

/** What becomes of a config.json on its way through `create`. */
function edit(text: string): string {
  writeFileSync(config, text);
  execFileSync(create, [config, "/lib/hook", "/run/s.sock", "", "true"], { stdio: "pipe" });
  return readFileSync(config, "utf8");
}

/** Stands in for runc, and prints the arguments it was given. */
const fakeRunc = join(folder, "runc");
writeFileSync(fakeRunc, '#!/bin/sh\nprintf "%s\\n" "$@"\n');
chmodSync(fakeRunc, 0o755);

function skepRunc(args: readonly string[], { program = wrapperPath, cwd = "/" } = {}) {
  const { status, stdout, stderr } = spawnSync(program, [`--skep-runc=${fakeRunc}`, ...args], {
    cwd,
    encoding: "utf8",
  });
  return { status, args: stdout.split("\n").slice(0, -1), stderr };
}

describe("the hook is put into config.json", () => {
  test("behind the hook that docker 20.10 brings for a network namespace, all else being the same bytes", () => {
    const before = real("docker-20.10-none");
    const last = '"2baf33822f01"]}';
    expect(edit(before)).toBe(before.replace(last, `${last},${JSON.stringify(hook)}`));
  });

  test("into the empty hooks of docker 20.10's host network", () => {
    const before = real("docker-20.10-host");
    expect(edit(before)).toBe(before.replace('"hooks":{}', `"hooks":{"prestart":[${JSON.stringify(hook)}]}`));
  });

  const h = JSON.stringify(hook);
  test.each([
    ["{}", `{"hooks":{"prestart":[${h}]}}`],
    [' {\n "a": 1\n}\n', ` {"hooks":{"prestart":[${h}]},\n "a": 1\n}\n`],
    ['{"hooks":null}', `{"hooks":{"prestart":[${h}]}}`],
    ['{"hooks" : null , "a":1}', `{"hooks" : {"prestart":[${h}]} , "a":1}`],
    ['{"hooks":{"prestart":null}}', `{"hooks":{"prestart":[${h}]}}`],
    ['{"hooks":{"prestart":[ ]}}', `{"hooks":{"prestart":[ ${h}]}}`],
    ['{"hooks":{"poststop":[{"path":"/x"}]}}', `{"hooks":{"prestart":[${h}],"poststop":[{"path":"/x"}]}}`],
    ['{"a":{"hooks":{}},"b":"hooks","c":["hooks",{"hooks":[]}]}', undefined],
    ['{"a":"\\"hooks\\":{","b\\\\":"}]"}', undefined],
  ])("%s", (before, after) => {
    expect(edit(before)).toBe(after ?? before.replace("{", `{"hooks":{"prestart":[${h}]},`));
  });

  test("only once", () => {
    const once = edit(real("docker-20.10-none"));
    expect(edit(once)).toBe(once);
  });

  test("whatever else is in it, however it is written", () => {
    const key = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("hooks", "prestart", '"hooks":{', "\\", '\\"'),
    );
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        ...[fc.integer(), fc.boolean(), fc.constant(null), key, fc.double({ noNaN: true, noDefaultInfinity: true })],
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
      ),
    })).value;
    const hooks = fc.record(
      { prestart: fc.option(fc.array(value, { maxLength: 2 })), poststop: fc.array(value, { maxLength: 2 }) },
      { requiredKeys: [], noNullPrototype: true },
    );
    const rest = fc.dictionary(
      key.filter((name) => name !== "hooks" && name !== "__proto__"),
      value,
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    );
    const indent = fc.constantFrom(undefined, 0, 2, "\t", "\r\n ");
    fc.assert(
      fc.property(rest, fc.option(hooks, { nil: undefined }), rest, indent, (before, has, after, space) => {
        const object = { ...before, ...(has !== undefined && { hooks: has }), ...after };
        const text = JSON.stringify(object, undefined, space === "\r\n " ? 1 : space).replaceAll(
          "\n",
          space === "\r\n " ? "\r\n" : "\n",
        );
        const own = { ...object, hooks: { ...has, prestart: [...(has?.prestart ?? []), hook] } };
        expect(JSON.parse(edit(text))).toEqual(JSON.parse(JSON.stringify(own)));
      }),
      { numRuns: 150 },
    );
  });

  test("with a string of many escapes, and within a moment", () => {
    const text = JSON.stringify({ env: ['"\\\n'.repeat(40_000)], hooks: { prestart: [] } });
    expect(JSON.parse(edit(text)).hooks.prestart).toEqual([hook]);
  });

  test("leaving mode and folder as they were", () => {
    writeFileSync(config, "{}");
    chmodSync(config, 0o640);
    writeFileSync(`${config}.skep`, "of a run that was killed");
    execFileSync(create, [config, "/lib/hook", "/run/s.sock", "", "true"]);
    expect(statSync(config).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).filter((name) => name.startsWith("config"))).toEqual(["config.json"]);
  });

  test.each(["", "[]", "null", '{"hooks":[]}', '{"hooks":{"prestart":{}}}'])(
    "or, where that cannot be (%j), the reason goes to runc's log and nothing is run",
    (text) => {
      writeFileSync(config, text);
      rmSync(log, { force: true });
      const { status, args, stderr } = skepRunc(["--log", log, "create", "--bundle", folder, "id"]);
      expect({ status, args }).toEqual({ status: 1, args: [] });
      const reason = `skep-runc: ${config} is no container's configuration that skep can give its hook to`;
      expect(stderr).toBe(`${reason}\n`);
      expect(JSON.parse(readFileSync(log, "utf8"))).toEqual({ level: "error", msg: reason });
      expect(readFileSync(config, "utf8")).toBe(text);
    },
  );
});

describe("runc gets the arguments as they were", () => {
  const hooksAfter = (args: readonly string[], options?: { program?: string; cwd?: string }) => {
    writeFileSync(config, "{}");
    const result = skepRunc(args, options);
    return { ...result, hook: JSON.parse(readFileSync(config, "utf8")).hooks?.prestart[0] };
  };

  test.each([
    [["--root", "/r", "--log", "/dev/null", "--log-format", "json", "--systemd-cgroup", "create", "--bundle", folder]],
    [["-root=/r", "create", "--pid-file", "x", `--bundle=${folder}`, "--no-pivot"]],
    [["--root", "start", "create", "-b", folder, "create"]],
    [["--debug", "create", "--console-socket", "/c", "--preserve-fds", "1", "-bundle", folder]],
  ])("create: %j", (args) => {
    const { hook, ...result } = hooksAfter([...args, "a b", "$(x)", ""]);
    expect(result).toEqual({ status: 0, args: [...args, "a b", "$(x)", ""], stderr: "" });
    expect(hook.args).toEqual(["skep-hook", "/run/skep/runtime.sock"]);
    expect(statSync(hook.path).mode & 0o111).toBe(0o111);
  });

  test.each([
    [["--version"]],
    [[]],
    [["--root", "create", "start", "id"]],
    [["--root", "/r", "exec", "--process", "/p", "id", "create"]],
    [["delete", "--force", "create", "--bundle", folder]],
  ])("no create: %j", (args) => {
    const { hook, ...result } = hooksAfter(args);
    expect(result).toEqual({ status: 0, args: args.length === 0 ? [""] : args, stderr: "" });
    expect(hook).toBeUndefined();
  });

  test("the bundle is the current folder when it is not given, and the wrapper may be a link", () => {
    const program = join(folder, "link");
    symlinkSync(wrapperPath, program);
    const { hook } = hooksAfter(["--skep-socket=/x/y.sock", "create", "id"], { program, cwd: folder });
    expect(hook.args).toEqual(["skep-hook", "/x/y.sock"]);
    expect(statSync(hook.path).isFile()).toBe(true);
  });

  test("a runtime that is not there is told", () => {
    writeFileSync(config, "{}");
    const args = ["--skep-runc=/no/runc", "create", "--bundle", folder, "id"];
    const { status, stderr } = spawnSync(wrapperPath, args, { encoding: "utf8" });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "skep-runc: cannot run /no/runc: No such file or directory\n",
    });
  });

  test("perl finds nothing to object to", () => {
    for (const file of ["create", "hook"]) {
      const path = fileURLToPath(new URL(`../libexec/${file}`, import.meta.url));
      const { stderr } = spawnSync("perl", ["-Mstrict", "-Mwarnings", "-c", path], { encoding: "utf8" });
      expect(stderr).toBe(`${path} syntax OK\n`);
    }
  });
});
