import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runCommand, runForBytes } from "./run-command.ts";

/** A root file system for containers, as a tar archive: this machine's busybox under the names of all its applets. */
export async function buildTestImage(): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "skep-image-"));
  try {
    for (const name of ["bin", "etc", "tmp", "root", "proc", "sys", "dev"]) mkdirSync(join(folder, name));
    const busybox = (await output(["sh", "-c", "readlink -f $(command -v busybox)"])).trim();
    copyFileSync(busybox, join(folder, "bin/busybox"));
    for (const library of await librariesOf(busybox)) {
      mkdirSync(join(folder, dirname(library)), { recursive: true });
      copyFileSync(library, join(folder, library)); // of a link, what it names
    }
    for (const applet of (await output([busybox, "--list"])).trim().split("\n")) {
      if (applet !== "busybox") symlinkSync("busybox", join(folder, "bin", applet));
    }
    writeFileSync(
      join(folder, "etc/passwd"),
      "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    );
    writeFileSync(join(folder, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
    const archive = await runForBytes(["tar", "--directory", folder, "--numeric-owner", "--create", "."], {});
    if (archive.code !== 0) throw new Error(`tar: ${archive.stderr}`);
    return archive.stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The shared libraries a program needs, its loader included; none for a static one. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await runCommand(["ldd", program]);
  return [...stdout.matchAll(/\/\S+/g)].map(([path]) => path);
}

async function output(command: readonly string[]): Promise<string> {
  const { stdout, stderr, code } = await runCommand(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr.trim() || "not found: npm run setup installs it"}`);
  return stdout;
}
