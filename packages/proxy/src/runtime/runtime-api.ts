import type { TaskServer } from "../render/rendered.ts";
import { abortCommands, certificateCommands } from "./certificate-commands.ts";
import { answerLines, type CommandSocket, inBatches, longestCommand, SocketFailure } from "./command-socket.ts";
import type { MapEntry } from "./map-file.ts";
import { type Command, commandsOf, type RuntimeStep, serverKey } from "./runtime-step.ts";

/** HAProxy has not said what it should have said, so nobody knows what it has done. */
export class UnexpectedAnswer extends Error {
  override readonly name = "UnexpectedAnswer";
}

/**
 * Carries out steps, one after the other. Throws `UnexpectedAnswer` at the first that does not go as it should; then
 * only a reload makes sure that HAProxy has what the config says.
 */
export async function runSteps(socket: CommandSocket, steps: readonly RuntimeStep[]): Promise<void> {
  let commands: Command[] = [];
  for (const step of steps) {
    if (step.do !== "replace-map" && step.do !== "change-certificate") {
      commands.push(...commandsOf(step));
      continue;
    }
    await runCommands(socket, commands);
    commands = [];
    if (step.do === "replace-map") await replaceMap(socket, step.file, step.entries);
    else await changeCertificate(socket, step);
  }
  await runCommands(socket, commands);
}

/** Several on one connection, as many as it takes. */
async function runCommands(socket: CommandSocket, commands: readonly Command[]): Promise<void> {
  let rest = commands;
  for (const batch of inBatches(
    commands.map(({ text }) => text),
    ";",
  )) {
    const count = batch.split(";").length;
    const answers = rest.slice(0, count).flatMap(({ answer }) => answer ?? []);
    rest = rest.slice(count);
    const lines = answerLines(await ask(socket, batch));
    const asExpected = lines.length === answers.length && lines.every((line, i) => answers[i]?.test(line));
    if (!asExpected)
      throw new UnexpectedAnswer(lines.find((line, i) => !answers[i]?.test(line)) ?? `${batch}: no answer`);
  }
}

/** One step for the requests that look into the map: they see the old one or the new one. */
async function replaceMap(socket: CommandSocket, file: string, entries: readonly MapEntry[]): Promise<void> {
  const answer = await ask(socket, `prepare map ${file}`);
  const version = /New version created: (\d+)/.exec(answer)?.[1];
  if (version === undefined) throw new UnexpectedAnswer(answer.trim());
  const lines = entries.map(([key, value]) => `${key} ${value}\n`);
  for (const chunk of inBatches(lines, ""))
    await expect(socket, `add map @${version} ${file} <<\n${chunk}\n`, undefined);
  await expect(socket, `commit map @${version} ${file}`, undefined);
}

async function changeCertificate(
  socket: CommandSocket,
  { list, step }: Extract<RuntimeStep, { do: "change-certificate" }>,
): Promise<void> {
  try {
    for (const { text, answer } of certificateCommands(list, step)) await expect(socket, text, answer);
  } catch (error) {
    for (const command of abortCommands(step)) await socket.askOrNothing(command);
    throw error;
  }
}

/** One command; every line of its answer must be as expected. */
async function expect(socket: CommandSocket, command: string, answer: RegExp | undefined): Promise<void> {
  if (Buffer.byteLength(command) > longestCommand + 3000) throw new UnexpectedAnswer("longer than HAProxy's buffer");
  const lines = answerLines(await ask(socket, command));
  const wrong = lines.find((line) => !answer?.test(line));
  if (wrong !== undefined) throw new UnexpectedAnswer(wrong);
  if (answer && lines.length === 0) throw new UnexpectedAnswer(`${command.split("\n")[0]}: no answer`);
}

async function ask(socket: CommandSocket, command: string): Promise<string> {
  try {
    return await socket.ask(command);
  } catch (error) {
    if (error instanceof SocketFailure) throw new UnexpectedAnswer(error.message, { cause: error });
    throw error;
  }
}

/** Removes servers that are retired, as far as they have nothing to do any more; answers those that remain. */
export async function deleteServers(socket: CommandSocket, retired: readonly TaskServer[]): Promise<TaskServer[]> {
  const remaining: TaskServer[] = [];
  let rest = retired;
  for (const batch of inBatches(
    retired.map((server) => `del server ${serverKey(server)}`),
    ";",
  )) {
    const asked = rest.slice(0, batch.split(";").length);
    rest = rest.slice(asked.length);
    const lines = answerLines((await socket.askOrNothing(batch)) ?? "");
    const gone = (i: number) =>
      lines.length === asked.length && /^(Server deleted|No such server)/.test(lines[i] ?? "");
    remaining.push(...asked.filter((_, i) => !gone(i)));
  }
  return remaining;
}
