import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CertificateTrial, renderCertificateTrial } from "../certificates/index.ts";
import { checkConfig, failureText } from "../runtime/index.ts";

const timeoutMs = 10_000;

/** Has HAProxy itself load a certificate before it is put where the real one finds it. */
export function certificateTrial(binary: string, folder: string, signal: AbortSignal): CertificateTrial {
  let trials = 0;
  return async (certificate) => {
    const path = join(folder, `certificate-trial-${++trials}.cfg`);
    await writeFile(path, renderCertificateTrial(certificate), { mode: 0o600 });
    try {
      const failure = await checkConfig({ binary, path, shownAs: "the certificate", timeoutMs, signal });
      return failure && failureText(failure);
    } finally {
      await rm(path, { force: true });
    }
  };
}
