import {
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { type HostLine, renderHosts, writeHosts } from "./hosts-file.ts";

const docker = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
const line = (address: string, ...names: string[]): HostLine => ({ address, names });
const folder = mkdtempSync(join(tmpdir(), "skep-hosts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("our lines come last, and are known by their end", () => {
  expect(renderHosts(docker, [line("10.0.1.5", "web", "web.1"), line("10.0.2.5", "web")])).toBe(
    `${docker}10.0.1.5\tweb web.1\t# skep\n10.0.2.5\tweb\t# skep\n`,
  );
});

test("earlier ones of ours are replaced, lines of others stay, also those after them", () => {
  const before = `${docker}10.0.1.5\tweb\t# skep\n10.9.9.9\tdb\n# skep\n`;
  expect(renderHosts(before, [line("10.0.1.6", "web")])).toBe(`${docker}10.9.9.9\tdb\n# skep\n10.0.1.6\tweb\t# skep\n`);
});

test("a container without a host name of its own has no line, and no name brings a second line", () => {
  expect(renderHosts(docker, [line("10.0.1.5", "")])).toBe(docker);
  expect(renderHosts("", [line("10.0.1.5", "a b", "x\n1.2.3.4 y", "web#1", "web")])).toBe("10.0.1.5\tweb\t# skep\n");
});

const anyLine = fc.record({
  address: fc.ipV4(),
  names: fc.array(fc.stringMatching(/^[a-z0-9.-]{1,8}$/), { maxLength: 3 }),
});

test("doing it again changes nothing, and taking our lines out gives back what was there", () => {
  const anyText = fc
    .array(fc.stringMatching(/^[ -~\t]{0,20}$/))
    .map((lines) => lines.map((one) => `${one}\n`).join(""));
  fc.assert(
    fc.property(anyText, fc.array(anyLine), fc.array(anyLine), (text, first, second) => {
      fc.pre(!text.includes("# skep"));
      const once = renderHosts(text, first);
      expect(renderHosts(once, first)).toBe(once);
      expect(renderHosts(once, second)).toBe(renderHosts(text, second));
      expect(renderHosts(once, [])).toBe(text);
    }),
  );
});

test("a file is written in place: what is mounted elsewhere is the same file", async () => {
  const file = join(folder, "hosts");
  const mounted = join(folder, "mounted");
  writeFileSync(file, docker);
  linkSync(file, mounted);
  expect(await writeHosts(file, [line("10.0.1.5", "web")])).toBe(true);
  expect(readFileSync(mounted, "utf8")).toBe(`${docker}10.0.1.5\tweb\t# skep\n`);
  const { mtimeNs } = statSync(file, { bigint: true });
  expect(await writeHosts(file, [line("10.0.1.5", "web")])).toBe(false);
  expect(statSync(file, { bigint: true }).mtimeNs).toBe(mtimeNs);
  expect(await writeHosts(file, [])).toBe(true);
  expect(readFileSync(mounted, "utf8")).toBe(docker);
});

test("bytes that are no text are kept", async () => {
  const file = join(folder, "bytes");
  writeFileSync(file, Buffer.from([0x31, 0xff, 0xc3, 0x0a]));
  await writeHosts(file, [line("10.0.1.5", "web")]);
  await writeHosts(file, []);
  expect([...readFileSync(file)]).toEqual([0x31, 0xff, 0xc3, 0x0a]);
});

test("a container that has filled its hosts file, or a link in its place, is not followed", async () => {
  const huge = join(folder, "huge");
  writeFileSync(huge, "");
  truncateSync(huge, 1 << 30);
  await expect(writeHosts(huge, [])).rejects.toThrow("is no hosts file");
  symlinkSync("/etc/hosts", join(folder, "link"));
  await expect(writeHosts(join(folder, "link"), [])).rejects.toThrow("ELOOP");
});
