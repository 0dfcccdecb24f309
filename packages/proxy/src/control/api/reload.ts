import { answerOf } from "../../service/index.ts";
import { type Answer, json } from "./answer.ts";
import { type ApiParts, wireOptions } from "./parts.ts";
import { type ApiRequest, isSet } from "./request.ts";

/** `reload`: tries everything again, or with `fromListener=true` asks the swarm listeners for everything. */
export async function reload(parts: ApiParts, request: ApiRequest): Promise<Answer> {
  const answer = (status: number, message: string) =>
    json(status, answerOf(status, message, undefined, wireOptions(parts)));
  try {
    if (isSet(request.query, "fromListener")) await parts.notifyListeners();
    else await parts.controller.retry();
    return answer(200, "");
  } catch (error) {
    return answer(500, error instanceof Error ? error.message : String(error));
  }
}
