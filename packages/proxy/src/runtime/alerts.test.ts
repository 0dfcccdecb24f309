import { expect, test } from "vitest";
import { blamedServices, parseAlerts } from "./alerts.ts";

const report = `[NOTICE]   (15075) : haproxy version is 2.6.12-1+deb12u3
[WARNING]  (15075) : config : [/cfg/haproxy.cfg.check-1:3] : 'server a-be/a' : could not resolve address 'a', disabling server.
[ALERT]    (15075) : config : parsing [/cfg/haproxy.cfg.check-1:5] : unknown keyword 'garbage' in 'backend' section
[ALERT]    (15075) : config : Proxy 'services': unable to find required use_backend: 'nowhere-be'.
[ALERT]    (15075) : config : Parsing [/cfg/haproxy.cfg.check-1:7]: backend 'b-be' has the same name as backend 'b-be' declared at /cfg/haproxy.cfg.check-1:4.
[ALERT]    (15075) : config : Error(s) found in configuration file : /cfg/haproxy.cfg.check-1
[ALERT]    (15075) : config : Fatal errors found in configuration.
`;

const config = `frontend services
    use_backend nowhere-be if url_c
backend a-be
backend b-be
    garbage
userlist c-users
backend b-be
`;

const blame = [
  { serviceName: "c", from: 2, to: 2 },
  { serviceName: "a", from: 3, to: 3 },
  { serviceName: "b", from: 4, to: 5 },
  { serviceName: "c", from: 6, to: 6 },
  { serviceName: "d", from: 7, to: 7 },
];

const alerts = parseAlerts(report, "/cfg/haproxy.cfg.check-1", "/cfg/haproxy.cfg");
const blamed = (message: string, ...lines: number[]) => blamedServices({ message, lines }, { config, blame });

test("an alert is told with the name of the file that the operator knows", () => {
  expect(alerts.map(({ message }) => message)).toEqual([
    "parsing [/cfg/haproxy.cfg:5] : unknown keyword 'garbage' in 'backend' section",
    "Proxy 'services': unable to find required use_backend: 'nowhere-be'.",
    "Parsing [/cfg/haproxy.cfg:7]: backend 'b-be' has the same name as backend 'b-be' declared at /cfg/haproxy.cfg:4.",
  ]);
});

test("an alert has the lines that HAProxy mentions, that of the mistake first", () => {
  expect(alerts.map(({ lines }) => lines)).toEqual([[5], [], [7, 4]]);
});

test("what follows an alert without a severity belongs to it", () => {
  const [alert] = parseAlerts("[ALERT]    (1) : config : parsing [/c:1] : one\n  two\n[NOTICE]   (1) : three\n", "/c");
  expect(alert?.message).toBe("parsing [/c:1] : one\n  two");
});

test("a service is blamed by the line", () => {
  expect(blamed("unknown keyword 'garbage' in 'backend' section", 5)).toEqual(["b"]);
});

test("of two services in an alert, the one that HAProxy stumbled over is the likelier", () => {
  expect(blamed("backend 'b-be' has the same name as backend 'b-be'", 7, 4)).toEqual(["d", "b"]);
});

test("without a line a service is blamed by the section that HAProxy names", () => {
  expect(blamed("'server a-be/task' : cannot do that")).toEqual(["a"]);
  expect(blamed("userlist 'c-users' : cannot do that")).toEqual(["c"]);
});

test("without a section a service is blamed by a word that only it uses", () => {
  expect(blamed("Proxy 'services': unable to find required use_backend: 'nowhere-be'.")).toEqual(["c"]);
});

test("nobody is blamed for what no service has written", () => {
  expect(blamed("parsing [/c:1] : no such thing", 1)).toEqual([]);
  expect(blamed("Proxy 'services': no")).toEqual([]);
});
