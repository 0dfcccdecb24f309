import { type Clock, DomainError, type Logger, pause } from "@skep/model";
import { type CertificateStore, hasAllKeys, parseCertificatesAnswer, type StoredFile } from "../certificates/index.ts";
import type { ControlSettings } from "../settings/index.ts";
import { callHttp, Deadline, type Peers } from "../sources/index.ts";

export interface CopyCertificatesParts {
  readonly peers: Pick<Peers, "find">;
  readonly store: Pick<CertificateStore, "files" | "put">;
  readonly control: Pick<ControlSettings, "port" | "token">;
  /** Called when what the others have is here, as far as they answer. */
  readonly told: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const answerMs = 2000;
/** DNS knows a replica some seconds after its start; where it never does, this is no service of a swarm. */
const againMs = (round: number) => (round < 60 ? 500 : 10_000);

/**
 * Certificates that were put to other replicas are put here too; those that came here by themselves stay. The others tell
 * private keys only to a replica that they know, and DNS knows one only when it is up: so they are asked until they
 * have told all to a replica that DNS knows. From then on, this one is among those that a certificate is put to.
 */
export async function copyCertificates(parts: CopyCertificatesParts, signal: AbortSignal): Promise<void> {
  const { peers, clock } = parts;
  const copied = new Map<string, string>();
  for (let round = 0; !signal.aborted; round++) {
    const { others, isFound } = await peers.find().catch(() => ({ others: [], isFound: false })); // none are known yet
    const answers = await Promise.all(others.map((address) => certificatesOf(parts, address, signal)));
    const files = answers.flatMap((answer) => answer ?? []);
    const whole = files.filter(({ content }) => hasAllKeys(content));
    const isStored = await copy(parts, whole, copied);
    if (whole.length === files.length) parts.told();
    if (isFound && isStored && whole.length === files.length && !answers.includes(undefined)) return;
    await pause(clock, againMs(round), signal);
  }
}

/** Of several of a name the first is taken. False when one is to be tried again. */
async function copy(
  { store, log }: CopyCertificatesParts,
  files: readonly StoredFile[],
  copied: Map<string, string>,
): Promise<boolean> {
  const here = new Map((await store.files()).map(({ name, content }) => [name, content]));
  const wanted = new Map(files.toReversed().map(({ name, content }) => [name, content]));
  let isStored = true;
  for (const [name, content] of wanted) {
    const isOwn = here.has(name) && here.get(name) !== copied.get(name);
    if (isOwn || copied.get(name) === content) continue;
    copied.set(name, content);
    try {
      await store.put(name, content);
    } catch (err) {
      log.warn({ certificate: name, err }, "a certificate is not copied");
      if (err instanceof DomainError) continue; // it will not be a better one the next time
      copied.delete(name);
      isStored = false;
    }
  }
  return isStored;
}

/** Undefined when the replica does not tell. */
async function certificatesOf({ control, clock, log }: CopyCertificatesParts, address: string, signal: AbortSignal) {
  using deadline = new Deadline(clock, answerMs, `certificates of ${address}`, signal);
  try {
    const { status, body } = await callHttp({
      method: "GET",
      url: new URL(`http://${address}:${control.port}/v1/docker-flow-proxy/certs`),
      signal: deadline.signal,
      headers: control.token === undefined ? {} : { Authorization: `Bearer ${control.token}` },
    });
    if (status !== 200) throw new DomainError("unavailable", `status ${status}`);
    return parseCertificatesAnswer(body);
  } catch (err) {
    log.debug({ replica: address, err }, "a replica does not tell its certificates");
    return undefined;
  }
}
