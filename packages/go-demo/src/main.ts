import manifest from "../package.json" with { type: "json" };
import { DatabasePeople } from "./database-people.ts";
import { Metrics } from "./metrics.ts";
import { DemoServer } from "./server.ts";

if (process.argv.includes("--version")) {
  console.log(manifest.version);
  process.exit(0);
}

const { DB = "localhost", PORT = "8080", SERVICE_NAME = "go-demo" } = process.env;

try {
  const people = new DatabasePeople(DB);
  const server = new DemoServer({ people, metrics: new Metrics(SERVICE_NAME), random: Math.random });
  const port = await server.listen(Number(PORT));
  console.log(`go-demo listens on port ${port}; its database is ${DB}`);
  const end = async (signal: string) => {
    console.log(`${signal}: answering what is open`);
    await server.drain();
    await people.close();
    process.exit(0);
  };
  process.once("SIGTERM", end).once("SIGINT", end);
} catch (error) {
  console.error(`go-demo: ${(error as Error).message}`);
  process.exit(1);
}
