import { DomainError } from "@skep/model";
import type { CertificateStore, StoredFile } from "./certificate-store.ts";
import { dateWarning } from "./pem.ts";

/** The answer to a request about certificates: `docker-flow-proxy.md` section 1.8. */
export interface CertificateAnswer {
  readonly status: number;
  readonly body: {
    readonly Status: "OK" | "NOK";
    readonly Message: string;
    readonly Certs: readonly ListedCertificate[] | null;
  };
}

export interface ListedCertificate {
  readonly ServicePort: string;
  readonly ProxyServiceName: string;
  readonly CertsDir: string;
  readonly CertContent: string;
}

/** What `PUT .../cert` asks for. */
export interface PutCertificate {
  readonly certName: string | undefined;
  /** The request's body. */
  readonly text: string;
  readonly nowMs: number;
}

const refusal = (Message: string, status = 400): CertificateAnswer => ({
  status,
  body: { Status: "NOK", Message, Certs: null },
});

/**
 * Stores a certificate, or says what is wrong with it; then what was there stays. A certificate that is out of date is
 * stored, with a warning in `Message`.
 */
export async function putCertificate(
  store: Pick<CertificateStore, "put">,
  { certName = "", text, nowMs }: PutCertificate,
): Promise<CertificateAnswer> {
  if (certName === "") return refusal("Query parameter certName is mandatory");
  if (text.trim() === "") return refusal("Body is empty");
  try {
    const certificate = await store.put(certName, text);
    return { status: 200, body: { Status: "OK", Message: dateWarning(certificate, nowMs) ?? "", Certs: null } };
  } catch (error) {
    if (!(error instanceof DomainError) && !isFromFileSystem(error)) throw error;
    return refusal(error.message);
  }
}

/** Removes a certificate; 404 when there is none of that name. */
export async function removeCertificate(
  store: Pick<CertificateStore, "folder" | "remove">,
  certName = "",
): Promise<CertificateAnswer> {
  if (certName === "") return refusal("Query parameter certName is mandatory");
  try {
    const removed = await store.remove(certName);
    if (!removed) return refusal(`There is no certificate ${certName} in ${store.folder}`, 404);
    return { status: 200, body: { Status: "OK", Message: "", Certs: null } };
  } catch (error) {
    if (!(error instanceof DomainError) && !isFromFileSystem(error)) throw error;
    return refusal(error.message);
  }
}

const isFromFileSystem = (error: unknown): error is Error => error instanceof Error && "syscall" in error;

/** All files of the folder with their content; `redacted` leaves the private keys out. */
export async function listCertificates(
  store: Pick<CertificateStore, "files" | "folder">,
  { redacted }: { readonly redacted: boolean },
): Promise<CertificateAnswer> {
  const files = await store.files();
  const Certs = files.map(
    ({ name, content }): ListedCertificate => ({
      ServicePort: "",
      ProxyServiceName: name,
      CertsDir: store.folder,
      CertContent: redacted ? withoutKeys(content) : content,
    }),
  );
  return { status: 200, body: { Status: "OK", Message: "", Certs } };
}

const leftOut = "(redacted)";

/** The text without what is between the first and the last line of its private keys, or after a first line without last. */
export const withoutKeys = (text: string): string =>
  text.replace(/(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)[^-]*(?:-(?!----)[^-]*)*/g, `$1\n${leftOut}\n`);

/** False for what `withoutKeys` has left something out of. */
export const hasAllKeys = (text: string): boolean => !text.includes(`PRIVATE KEY-----\n${leftOut}\n`);

/** What another replica answered to `GET .../certs`. Throws an `unavailable` when that is not one of its answers. */
export function parseCertificatesAnswer(json: string): StoredFile[] {
  try {
    const { Certs } = JSON.parse(json) as { Certs: unknown };
    return (Certs === null ? [] : (Certs as unknown[])).map(storedFileOf);
  } catch (cause) {
    throw new DomainError("unavailable", "the answer is no list of certificates", { cause });
  }
}

function storedFileOf(listed: unknown): StoredFile {
  const { ProxyServiceName: name, CertContent: content } = listed as Record<string, unknown>;
  if (typeof name !== "string" || typeof content !== "string") throw new Error("a certificate without name or content");
  return { name, content };
}
