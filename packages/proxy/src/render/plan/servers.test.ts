import { expect, test } from "vitest";
import { goDemo, renderServices, sectionOf, service, settingsWith } from "../test-input.ts";

const query = "serviceName=svc&servicePath=/x&port=9001";
const tasks = new Map([["svc", ["10.0.1.12", "10.0.1.5", "10.0.1.5", "task.local"]]]);
const servers = (more: string, changes: Parameters<typeof renderServices>[1] = {}) =>
  sectionOf(renderServices([service(`${query}&${more}`)], changes), "backend svc-be9001").slice(2);

test("each task is a server beside the one by the service's name, which is a backup", () => {
  expect(servers("", { tasks })).toEqual([
    "server svc svc:9001",
    "server svc.10.0.1.5 10.0.1.5:9001 no-backup",
    "server svc.10.0.1.12 10.0.1.12:9001 no-backup",
  ]);
  expect(sectionOf(renderServices([goDemo]), "defaults")).toContain("default-server backup");
});

test("tasks come and go without a change of the structure", () => {
  const before = renderServices([service(query)]);
  const after = renderServices([service(query)], { tasks, generation: 18 });
  expect(after.structure).toBe(before.structure);
  expect(before.servers).toEqual([]);
  expect(after.servers).toEqual([
    { backend: "svc-be9001", name: "svc.10.0.1.5", address: "10.0.1.5:9001", options: "" },
    { backend: "svc-be9001", name: "svc.10.0.1.12", address: "10.0.1.12:9001", options: "" },
  ]);
});

test("a service that has no tasks any more is stopped, without a change of the structure", () => {
  const idle = renderServices([service(query)], { idle: new Set(["svc"]) });
  expect(sectionOf(idle, "backend svc-be9001").slice(2)).toEqual(["server svc svc:9001 disabled"]);
  expect(idle.stopped).toEqual(["svc-be9001/svc"]);
  expect(idle.structure).toBe(renderServices([service(query)]).structure);
  expect(renderServices([service(query)], { idle: new Set(["svc"]), tasks }).stopped).toEqual([]);
});

test("options stand on each server's line", () => {
  expect(servers("sslVerifyNone=true&maxConn=100&checkResolvers=true", { tasks })).toEqual([
    "server svc svc:9001 check resolvers docker ssl verify none maxconn 100",
    "server svc.10.0.1.5 10.0.1.5:9001 check ssl verify none maxconn 100 no-backup",
    "server svc.10.0.1.12 10.0.1.12:9001 check ssl verify none maxconn 100 no-backup",
  ]);
  expect(servers("", { settings: settingsWith({ services: { checkResolvers: true } }) })).toEqual([
    "server svc svc:9001 check resolvers docker",
  ]);
});

test("another host has no tasks of the service", () => {
  expect(servers("outboundHostname=db.example.com", { tasks })).toEqual(["server svc db.example.com:9001"]);
  expect(servers("outboundHostname=fd00::5")).toEqual(["server svc [fd00::5]:9001"]);
});

test("with the virtual IP there is one server, which is no backup", () => {
  const rendered = renderServices([service(`${query}&discoveryType=VIP`), goDemo], { tasks });
  expect(sectionOf(rendered, "backend svc-be9001").slice(2)).toEqual(["server svc svc:9001"]);
  const [withBackups, without] = rendered.config.split(/^defaults$/m).slice(1);
  expect(withBackups).toMatch(/default-server backup.*backend go-demo-be8080/s);
  expect(without).toMatch(/backend svc-be9001/);
  expect(without).not.toMatch(/default-server backup/);
});

test("with DNS there are as many servers as replicas, or as known tasks", () => {
  expect(servers("discoveryType=DNS&replicas=3")).toEqual(["server-template svc 3 svc:9001 check"]);
  expect(servers("discoveryType=DNS", { tasks })).toEqual(["server-template svc 2 svc:9001 check"]);
  expect(servers("discoveryType=DNS&checkResolvers=true&sslVerifyNone=true")).toEqual([
    "server-template svc 1 svc:9001 check resolvers docker ssl verify none",
  ]);
});

test("an https port is looked up the same way", () => {
  const rendered = renderServices([service(`${query}&httpsPort=9443&discoveryType=DNS&replicas=2`)]);
  expect(sectionOf(rendered, "backend https-svc-be9443").at(-1)).toBe("server-template svc 2 svc:9443 check");
});

test("the operator chooses how services are found that do not say", () => {
  const settings = settingsWith({ services: { discoveryType: "VIP" } });
  expect(servers("", { tasks, settings })).toEqual(["server svc svc:9001"]);
  expect(servers("discoveryType=tasks", { tasks, settings })).toHaveLength(3);
});

test("a sticky service has a cookie for each task, whatever other tasks there are", () => {
  expect(servers("sessionType=sticky-server", { tasks })).toEqual([
    "balance roundrobin",
    "cookie svc insert indirect nocache",
    "server svc svc:9001",
    "server svc_10.0.1.5 10.0.1.5:9001 check cookie 36f88d971b22 no-backup",
    "server svc_10.0.1.12 10.0.1.12:9001 check cookie 332a39275a79 no-backup",
  ]);
  const fewer = new Map([["svc", ["10.0.1.12"]]]);
  expect(servers("sessionType=sticky-server", { tasks: fewer }).at(-1)).toBe(
    servers("sessionType=sticky-server", { tasks }).at(-1),
  );
});

test("another type of session has servers without the service's cookie", () => {
  expect(servers("sessionType=other", { tasks })[0]).toBe("server svc svc:9001");
  expect(servers("sessionType=other", { tasks })[1]).toMatch(/^server svc_10\.0\.1\.5 10\.0\.1\.5:9001 check/);
});

test("a service with no replicas has no route", () => {
  expect(renderServices([service(`${query}&replicas=0`), goDemo]).config).toBe(renderServices([goDemo]).config);
});
