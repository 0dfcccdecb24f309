import { run } from "./run.ts";

process.stdout.on("error", () => process.exit(1)); // nobody reads any more

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
});
