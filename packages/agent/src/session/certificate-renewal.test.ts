import { createCsr, issueCertificate } from "@skep/manager";
import { type ClusterId, type NodeId, silentLogger } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { renewalTimeMs, runCertificateRenewal } from "./certificate-renewal.ts";
import { rootCa } from "./test-swarm.ts";

const hourMs = 3600e3;
const dayMs = 24 * hourMs;

/** One that lives for so long from the clock's now on; it begins an hour before. */
const certificate = async (clock: FakeClock, lifeMs: number) =>
  issueCertificate({
    csrPem: (await createCsr()).csrPem,
    rootCa: await rootCa,
    nodeId: "node-1" as NodeId,
    role: "worker",
    clusterId: "cluster-1" as ClusterId,
    expiryMs: lifeMs - hourMs,
    clock,
  });

test("renewal is due between half and four fifths of a certificate's life", async () => {
  const clock = new FakeClock();
  const certPem = await certificate(clock, 100 * hourMs);
  const hoursAfterBegin = (random: number) => (renewalTimeMs(certPem, random) - clock.now()) / hourMs + 1;
  expect([0, 0.5, 1].map(hoursAfterBegin)).toEqual([50, 65, 80]);
});

test("a certificate is renewed when it is due, and the next one in its time", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const begin = clock.now();
  let current = await certificate(clock, 90 * dayMs);
  let next = current;
  const renewedAtDay: number[] = [];
  const running = runCertificateRenewal({
    certificate: () => current,
    renew: async () => {
      renewedAtDay.push((clock.now() - begin) / dayMs);
      current = next;
    },
    clock,
    logger: silentLogger,
    random: () => 0,
    signal: controller.signal,
  });
  await clock.advanceAsync(44 * dayMs);
  expect(renewedAtDay).toEqual([]);
  next = await certificate(clock, 90 * dayMs);
  await clock.advanceAsync(2 * dayMs);
  expect(renewedAtDay).toEqual([45 - 1 / 24]);
  expect(clock.nextInMs).toBeLessThanOrEqual(dayMs);
  controller.abort();
  await running;
  expect(clock.pending).toBe(0);
});

test("a renewal that fails is tried again, less and less often", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const certPem = await certificate(clock, 2 * hourMs);
  const triedAtSecond: number[] = [];
  const begin = clock.now();
  const running = runCertificateRenewal({
    certificate: () => certPem,
    renew: async () => {
      triedAtSecond.push((clock.now() - begin) / 1000);
      throw new Error("no manager");
    },
    clock,
    logger: silentLogger,
    random: () => 0,
    signal: controller.signal,
  });
  await clock.advanceAsync(220_000);
  expect(triedAtSecond).toEqual([0, 30, 90, 210]);
  controller.abort();
  await running;
});

test("a certificate that was renewed otherwise starts the wait anew", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  let current = await certificate(clock, 10 * dayMs);
  let renewals = 0;
  const running = runCertificateRenewal({
    certificate: () => current,
    renew: async () => {
      renewals++;
    },
    clock,
    logger: silentLogger,
    random: () => 0,
    signal: controller.signal,
  });
  await clock.advanceAsync(4 * dayMs);
  current = await certificate(clock, 10 * dayMs);
  await clock.advanceAsync(4 * dayMs);
  expect(renewals).toBe(0);
  controller.abort();
  await running;
});
