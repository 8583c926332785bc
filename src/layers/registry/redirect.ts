import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Errors from "../../Errors.ts"
import { words } from "./answer.ts"
import type { Settings } from "./config.ts"
import { mayBePlain } from "./endpoint.ts"
import { odd } from "./errors.ts"
import type { Answer, Request, Transport } from "./http.ts"

/** A chain of more redirections is a circle. */
const mostRedirects = 10

const without = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"))

/** Where an answer points to, if somebody may be asked there. */
export const locationOf = (settings: Settings, { headers, subject, url }: Answer): URL | Errors.Protocol => {
  const { location } = headers
  if (location === undefined || !URL.canParse(location, url.href)) return odd(subject, "does not say where to go on")
  const to = new URL(location, url)
  if (to.protocol !== "https:" && to.protocol !== "http:") return odd(subject, `points to ${to.protocol}`)
  return to.protocol === "http:" && url.protocol === "https:" && !mayBePlain(settings, to)
    ? odd(subject, `points from HTTPS to plain HTTP at ${to.host}`, `if that is meant, set plainHttp for ${to.host}`)
    : to
}

const next = <E>(settings: Settings, request: Request<E>, answer: Answer): Request<E> | Errors.Protocol => {
  const to = locationOf(settings, answer)
  return to instanceof URL
    ? {
      ...request,
      url: to,
      subject: { ...request.subject, host: to.host },
      // What is meant for the one is nothing for the other.
      headers: to.origin === request.url.origin ? request.headers : without(request.headers)
    }
    : to
}

const isRedirect = ({ method }: Request<unknown>, { status }: Answer): boolean =>
  status === 307 || status === 308 || ((method === "GET" || method === "HEAD") && status >= 301 && status <= 303)

/** Sends a request on to wherever the answers point, without its `Authorization` as soon as that is another origin. */
export const follow = Effect.fnUntraced(function*<E = never>(
  transport: Transport,
  first: Request<E>
): Effect.fn.Return<Answer, Errors.Reason | E, Scope.Scope> {
  let request = first
  for (let hops = 0; hops <= mostRedirects; hops++) {
    const answer = yield* transport.send(request)
    if (!isRedirect(request, answer)) return answer
    yield* words(answer, transport.settings.answerTimeout)
    const to = next(transport.settings, request, answer)
    if ("_tag" in to) return yield* to
    request = to
  }
  return yield* odd(first.subject, `redirects more than ${mostRedirects} times`)
})
