/** Parameters that say what to do with a request, and are no part of the route. */
const ofTheRequest = new Set(["distribute", "dryrun", "token", "servicecert"]);

/**
 * A route's parameters in one form: the same route is the same text, whatever the order of the parameters. Others get to see
 * it, so no key is in it, however its parameter is written.
 */
export function routedQuery(parameters: URLSearchParams): string {
  const own = new URLSearchParams([...parameters].filter(([name]) => !ofTheRequest.has(name.toLowerCase())));
  own.sort();
  return own.toString();
}
