import { existsSync, readFileSync } from "node:fs";

/** What other parsers have stumbled over, beside what a whole corpus has where there is one. */
export function malformedRequests(): Buffer[] {
  const head = "Host: docker\r\n";
  const body = '{"Name":"x"}';
  const inlined = [
    "\r\n\r\n",
    "\0\0\0\0",
    "GET\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET  /_ping  HTTP/1.1\r\n\r\n",
    `GET /v1.41/../../_ping HTTP/1.1\r\n${head}\r\n`,
    `GET /v1.41/tasks?filters=%ZZ HTTP/1.1\r\n${head}\r\n`,
    `GET /v1.41/tasks?filters=%00%ff HTTP/1.1\r\n${head}\r\n`,
    `GET /v99999999999999999999.1/info HTTP/1.1\r\n${head}\r\n`,
    `GET /${"a".repeat(20_000)} HTTP/1.1\r\n${head}\r\n`,
    `GET /_ping HTTP/1.1\r\n${"X-Many: 1\r\n".repeat(5000)}\r\n`,
    `GET /_ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`,
    `GET /_ping HTTP/1.1\r\n${head}Bad Header: 1\r\n\r\n`,
    `GET /_ping HTTP/1.1\r\n${head}X: a\nb\r\n\r\n`,
    `GET http://elsewhere.example:80/_ping HTTP/1.1\r\n${head}\r\n`,
    `CONNECT elsewhere.example:80 HTTP/1.1\r\n${head}\r\n`,
    `OPTIONS * HTTP/1.1\r\n${head}\r\n`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    `GET /_ping HTTP/1.1\r\n${head}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n`,
    `POST /session HTTP/1.1\r\n${head}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n\0\0garbage`,
    `POST /v1.41/containers/nosuch/attach?stream=1 HTTP/1.1\r\n${head}Upgrade: tcp\r\nConnection: Upgrade\r\n\r\n`,
    `POST /v1.41/exec/nosuch/start HTTP/1.1\r\n${head}Upgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Content-Length: -1\r\n\r\n${body}`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Content-Length: 99999999999999999999\r\n\r\n${body}`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n${body}`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nZZ\r\n${body}\r\n0\r\n\r\n`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Transfer-Encoding: gzip\r\n\r\n${body}`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Expect: 100-continue\r\nContent-Length: 50\r\n\r\n`,
    `POST /v1.41/services/create HTTP/1.1\r\n${head}Expect: something\r\nContent-Length: 2\r\n\r\n{}`,
    `POST /v1.41/images/load HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nZZ\r\n`,
    `POST /v1.41/images/load HTTP/1.1\r\n${head}Content-Length: 1000\r\n\r\nshort`,
    `POST /v1.41/build HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n5\r\nabc`,
    `GET /_ping HTTP/1.1\r\n${head}\r\n`.repeat(50),
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  ];
  const corpus = "/work/shared/reference/corpora/http1-requests.json";
  const more: { readonly raw: string }[] = existsSync(corpus) ? JSON.parse(readFileSync(corpus, "utf8")) : [];
  const whole = [
    ...inlined.map((text) => Buffer.from(text, "latin1")),
    ...more.map(({ raw }) => Buffer.from(raw, "base64")),
  ];
  return whole.flatMap((request) => [request, request.subarray(0, Math.ceil(request.length / 2))]);
}
