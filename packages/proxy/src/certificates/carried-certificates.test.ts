import { DomainError, silentLogger } from "@skep/model";
import { expect, test } from "vitest";
import { service } from "../render/test-input.ts";
import { CarriedCertificates } from "./carried-certificates.ts";

function start() {
  const stored: string[] = [];
  let tries = 0;
  const put = async (name: string, text: string) => {
    if (text === "late" && tries++ === 0) throw new Error("ENOSPC");
    if (text === "bad") throw new DomainError("invalid-parameter", "no certificate");
    stored.push(`${name}: ${text}`);
    return {} as never;
  };
  return { stored, carried: new CarriedCertificates({ put }, silentLogger) };
}

const web = (serviceCert: string) => service("serviceName=web&servicePath=/web&port=80", { serviceCert });

test("what services bring with them is stored, under the service's name or its first domain", async () => {
  const { stored, carried } = start();
  const shop = service("serviceName=shop&serviceDomain=shop.example.com&port=80", { serviceCert: "two" });
  await carried.take([web("one"), shop, web("")]);
  expect(stored).toEqual(["web: one", "shop.example.com: two"]);
});

test("it is stored when it is new, and one that is not right does not keep others out", async () => {
  const { stored, carried } = start();
  await carried.take([web("one")]);
  await carried.take([web("one")]);
  await carried.take([web("bad"), service("serviceName=api&servicePath=/api&port=80", { serviceCert: "three" })]);
  await carried.take([web("two")]);
  expect(stored).toEqual(["web: one", "api: three", "web: two"]);
});

test("one that could not be written is tried again", async () => {
  const { stored, carried } = start();
  for (let look = 0; look < 3; look++) await carried.take([web("late")]);
  expect(stored).toEqual(["web: late"]);
});
