import { connect } from "node:net";

// Connections that stay, as a process of its own: node bench/websockets.ts HOST PORT COUNT PATH. Each is upgraded, and has what it
// sends every second back. Ends when its standard input does, and prints how many were lost on the way.

const [host = "", port = "", count = "", path = "/"] = process.argv.slice(2);
const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
const lateMs = 5000;

let upgraded = 0;
let lost = 0;
let isEnding = false;

function open(): void {
  const socket = connect({ host, port: Number(port), noDelay: true });
  let waiting = 0;
  let over = false;
  let text = "";
  const lose = () => {
    if (!over && !isEnding) lost++;
    over = true;
    socket.destroy();
  };
  socket.on("error", lose).on("close", lose);
  socket.on("data", (data) => {
    if (!text.includes("\r\n\r\n")) {
      text += data;
      if (text.startsWith("HTTP/1.1 101") && text.includes("\r\n\r\n")) upgraded++;
    } else waiting = 0;
  });
  socket.write(head);
  setInterval(() => {
    if (over) return;
    if (waiting > 0 && Date.now() - waiting > lateMs) return lose();
    waiting ||= Date.now();
    socket.write("ping");
  }, 1000);
}

for (let i = 0; i < Number(count); i++) setTimeout(open, i * 2);
process.stdin.on("end", () => {
  isEnding = true;
  process.stdout.write(`${JSON.stringify({ upgraded, lost })}\n`, () => process.exit(0));
});
process.stdin.resume();
