import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdir, mkdtemp, open, readFile, rm, rmdir } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runCommand } from "./run-command.ts";
import { buildTestImage } from "./test-image.ts";

/** Why no private engine can be started here, for tests to skip with; undefined when one can. */
export function privateEngineProblem(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, for network namespaces and dockerd";
  if (!inPath("dockerd")) return "needs dockerd (Debian's docker.io)";
  return inPath("ip") ? undefined : "needs ip (iproute2)";
}

/**
 * A dockerd of a test's own: its network namespace, /run, data and socket, so that neither it nor its containers can be
 * seen from outside. `await using` stops it and leaves nothing behind.
 */
export class PrivateEngine implements AsyncDisposable {
  /** The name of its network namespace. */
  readonly namespace: string;
  readonly socketPath: string;
  readonly #folder: string;
  readonly #dockerd: ChildProcess;

  private constructor(namespace: string, folder: string, dockerd: ChildProcess) {
    this.namespace = namespace;
    this.socketPath = join(folder, "docker.sock");
    this.#folder = folder;
    this.#dockerd = dockerd;
  }

  /** Resolves when it answers; `dockerdArgs` are further arguments. Rejects with its log when it does not start. */
  static async start(dockerdArgs: readonly string[] = []): Promise<PrivateEngine> {
    const namespace = `skep-engine-${randomBytes(3).toString("hex")}`;
    const folder = await mkdtemp(join(tmpdir(), `${namespace}-`));
    await mkdir(join(folder, "run"));
    await output(["ip", "netns", "add", namespace]);
    await output(["ip", "-n", namespace, "link", "set", "lo", "up"]);
    const engine = new PrivateEngine(namespace, folder, await spawnDockerd(namespace, folder, dockerdArgs));
    try {
      await engine.#answering();
      return engine;
    } catch (error) {
      const log = await readFile(join(folder, "log"), "utf8");
      await engine.stop();
      throw new Error(`dockerd did not start:\n${log.split("\n").slice(-15).join("\n")}`, { cause: error });
    }
  }

  /** Runs the docker CLI against it; resolves with what it printed, rejects with what it complained of. */
  async docker(args: readonly string[], input?: Buffer): Promise<string> {
    return output(["docker", "-H", `unix://${this.socketPath}`, ...args], input);
  }

  /** Makes an image of busybox, as nothing can be pulled. */
  async importBusybox(reference = "busybox:test"): Promise<string> {
    const { archive, changes } = await buildTestImage();
    await this.docker(["import", ...changes.flatMap((change) => ["--change", change]), "-", reference], archive);
    return reference;
  }

  async stop(): Promise<void> {
    const exited =
      this.#dockerd.exitCode === null && this.#dockerd.signalCode === null ? once(this.#dockerd, "exit") : [];
    this.#dockerd.kill("SIGTERM");
    const patience = new AbortController();
    void sleep(20_000, undefined, { signal: patience.signal }).then(
      () => this.#dockerd.kill("SIGKILL"),
      () => {},
    );
    await exited;
    patience.abort();
    await output(["ip", "netns", "delete", this.namespace]);
    await removeCgroups(this.namespace);
    await rm(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #answering(): Promise<void> {
    for (let attempt = 0; attempt < 300; attempt++) {
      if (this.#dockerd.exitCode !== null) throw new Error(`it exited with ${this.#dockerd.exitCode}`);
      if (await accepts(this.socketPath)) return;
      await sleep(100);
    }
    throw new Error("it did not answer for 30 s");
  }
}

/** The chain of commands execs, so that the process is dockerd in the end. */
async function spawnDockerd(namespace: string, folder: string, more: readonly string[]): Promise<ChildProcess> {
  const args = [
    ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid")],
    ...[
      "--host",
      `unix://${join(folder, "docker.sock")}`,
      "--cgroup-parent",
      `/${namespace}`,
      "--shutdown-timeout",
      "2",
    ],
    ...more,
  ];
  const script = 'mount --make-rprivate / && mount --bind "$1/run" /run && shift && exec dockerd "$@"';
  const log = await open(join(folder, "log"), "w");
  const child = spawn(
    "nsenter",
    [`--net=/run/netns/${namespace}`, "unshare", "--mount", "sh", "-c", script, "sh", folder, ...args],
    { stdio: ["ignore", log.fd, log.fd] },
  );
  await once(child, "spawn");
  await log.close();
  return child;
}

async function accepts(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** dockerd leaves the parent of its containers' control groups. */
async function removeCgroups(name: string): Promise<void> {
  const find = ["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", `*/${name}*`];
  const { stdout } = await runCommand(find);
  for (const folder of stdout.split("\n").filter(Boolean)) await rmdir(folder).catch(() => {});
}

async function output(command: readonly string[], input?: Buffer): Promise<string> {
  const { stdout, stderr, code } = await runCommand(command, input ? { input } : {});
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr.trim()}`);
  return stdout.trim();
}

function inPath(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
