import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "@skep/testkit";

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Certificates as Docker's documentation has operators make them for `--tlsverify`, in a folder that goes with it. */
export class Certificates implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "skep-tls-"));

  /** The path of a file in the folder, such as `ca.pem` and `ca-key.pem`. */
  path(file: string): string {
    return join(this.#folder, file);
  }

  async authority(name: string): Promise<void> {
    await this.#openssl("req", "-x509", ...newKey, "-days", "1", "-subj", `/CN=${name}`, ...this.#out(name));
  }

  /** A certificate of `authority`; `extension` is a line of openssl's configuration. */
  async issue(name: string, authority: string, extension: string): Promise<void> {
    const [request, extensions] = [this.path(`${name}.csr`), this.path(`${name}.cnf`)];
    writeFileSync(extensions, `${extension}\n`);
    const key = ["-keyout", this.path(`${name}-key.pem`)];
    await this.#openssl("req", ...newKey, "-subj", `/CN=${name}`, ...key, "-out", request);
    const by = ["-CA", this.path(`${authority}.pem`), "-CAkey", this.path(`${authority}-key.pem`), "-CAcreateserial"];
    const out = ["-days", "1", "-extfile", extensions, "-out", this.path(`${name}.pem`)];
    await this.#openssl("x509", "-req", "-in", request, ...by, ...out);
  }

  #out(name: string): string[] {
    return ["-out", this.path(`${name}.pem`), "-keyout", this.path(`${name}-key.pem`)];
  }

  async #openssl(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await runCommand(["openssl", ...args]);
    if (code !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
