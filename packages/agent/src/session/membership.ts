import {
  type CertificateResponse,
  type ClusterId,
  caDigestOf,
  DomainError,
  type JoinRequest,
  parseJoinToken,
} from "@skep/model";
import { callManager } from "./call.ts";
import type { CertificateRequest, Identity } from "./identity.ts";

/**
 * A manager's root certificate, PEM, if it is the one that `caDigest` (SHA-256, hex) stands for. Whoever answers is
 * not known yet, so nothing is said to it.
 */
export async function fetchRootCa(addr: string, caDigest: string, signal: AbortSignal): Promise<string> {
  const { rootCaPem } = await callManager<{ rootCaPem: unknown }>({ addr, signal }, "GET", "/ca");
  if (typeof rootCaPem !== "string" || caDigestOf(rootCaPem) !== caDigest)
    throw new DomainError("internal", `remote CA does not match fingerprint. Expected: ${caDigest}`);
  return rootCaPem;
}

export interface JoinOptions extends Pick<JoinRequest, "token" | "availability" | "advertiseAddr" | "dataPathAddr"> {
  /** `host` or `host:port` of a manager. */
  readonly addr: string;
  readonly csr: CertificateRequest;
  readonly signal: AbortSignal;
}

/**
 * Makes this node a member of the swarm that the token is of. The token's secret is sent only to a manager whose root
 * certificate has the token's digest. Rejects with Docker's errors (`swarm-api.md` section 3.2).
 */
export async function joinSwarm(options: JoinOptions): Promise<Identity> {
  const { addr, csr, signal, token, availability, advertiseAddr, dataPathAddr } = options;
  const rootCaPem = await fetchRootCa(addr, parseJoinToken(token).caDigest, signal);
  const request: JoinRequest = {
    token,
    csrPem: csr.csrPem,
    ...(availability && { availability }),
    ...(advertiseAddr && { advertiseAddr }),
    ...(dataPathAddr && { dataPathAddr }),
  };
  const target = { addr, rootCaPem, signal };
  return identityFrom(await callManager<CertificateResponse>(target, "POST", "/join", request), csr);
}

/** A new certificate for this node, from the first of the managers that answers. */
export async function renewIdentity(
  managers: readonly string[],
  identity: Identity,
  csr: CertificateRequest,
  signal: AbortSignal,
): Promise<Identity> {
  const response = await firstThatAnswers(managers, (addr) =>
    callManager<CertificateResponse>(memberTarget(addr, identity, signal), "POST", "/renew", { csrPem: csr.csrPem }),
  );
  return identityFrom(response, csr);
}

/** Tells a manager that this node leaves, so that it need not wait for missed heartbeats. */
export async function leaveSwarm(managers: readonly string[], identity: Identity, signal: AbortSignal): Promise<void> {
  await firstThatAnswers(managers, (addr) => callManager(memberTarget(addr, identity, signal), "POST", "/leave", {}));
}

const memberTarget = (addr: string, identity: Identity, signal: AbortSignal) => ({
  addr,
  rootCaPem: identity.rootCaPem,
  certificate: identity,
  signal,
});

async function firstThatAnswers<T>(managers: readonly string[], call: (addr: string) => Promise<T>): Promise<T> {
  let failure: unknown = new DomainError("unavailable", "no manager of this swarm is known");
  for (const addr of managers) {
    try {
      return await call(addr);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== "unavailable") throw error;
      failure = error;
    }
  }
  throw failure;
}

const identityFrom = (response: CertificateResponse, { keyPem }: CertificateRequest): Identity => ({
  nodeId: response.nodeId,
  clusterId: response.clusterId as ClusterId,
  role: response.role,
  certPem: response.certPem,
  keyPem,
  rootCaPem: response.rootCaPem,
});
