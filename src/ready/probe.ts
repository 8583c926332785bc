import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import * as Net from "node:net"
import type { Endpoint } from "../Backend.ts"
import type { Leaf } from "./condition.ts"

/** What a look at something showed. */
export interface Seen {
  readonly holds: boolean
  readonly saw: string
}

/** How long an answer may take: milliseconds. The clock of the program may be a test's; a network knows only the real one. */
const patience = 5000

/**
 * An engine's own proxy takes connections for a port behind which nobody listens, and closes them when it has found out.
 * Milliseconds for which a connection has to stay: that of an engine without root looks for 190.
 */
const probation = 300

const codeOf = (cause: Error): string => {
  switch ("code" in cause ? cause.code : undefined) {
    case "ECONNREFUSED":
      return "connection refused"
    case "ECONNRESET":
    case "EPIPE":
      return "connection closed"
    default:
      return cause.message
  }
}

/** Whether somebody takes connections and keeps them. */
export const connect = ({ host, port }: Endpoint): Effect.Effect<Seen> =>
  Effect.callback((resume) => {
    const socket = Net.connect({ host, port })
    let timer = setTimeout(() => done(false, "no answer"), patience)
    const done = (holds: boolean, saw: string) => {
      clearTimeout(timer)
      socket.destroy()
      resume(Effect.succeed({ holds, saw }))
    }
    socket.on("error", (cause) => done(false, codeOf(cause)))
    socket.on("connect", () => {
      clearTimeout(timer)
      timer = setTimeout(() => done(true, "connected"), probation)
    })
    // A server that speaks first is one, whatever it does then.
    socket.on("data", () => done(true, "connected"))
    socket.on("close", () => done(false, "connection closed"))
    return Effect.sync(() => {
      clearTimeout(timer)
      socket.destroy()
    })
  })

/** As much of a body as is looked at: characters. */
const longestBody = 1024 * 1024

const hasStatus = ({ status }: Extract<Leaf, { readonly _tag: "Http" }>, found: number): boolean =>
  status === undefined
    ? found >= 200 && found < 300
    : typeof status === "function"
    ? status(found)
    : typeof status === "number"
    ? status === found
    : status.includes(found)

const hasBody = ({ body }: Extract<Leaf, { readonly _tag: "Http" }>, found: string): boolean =>
  body === undefined ||
  (typeof body === "function"
    ? body(found)
    : typeof body === "string"
    ? found.includes(body)
    : new RegExp(body.source, body.flags.replace(/[gy]/g, "")).test(found))

/** A user's function that throws has not said yes. */
const judge = (decide: () => boolean): boolean => {
  try {
    return decide()
  } catch {
    return false
  }
}

/** Whether a server answers as it should. */
export const ask = (leaf: Extract<Leaf, { readonly _tag: "Http" }>, { host, port }: Endpoint): Effect.Effect<Seen> =>
  Effect.callback((resume) => {
    const request = Http.get({
      host,
      port,
      path: leaf.path,
      agent: false,
      headers: Object.fromEntries(
        Object.entries(leaf.headers).map((
          [name, value]
        ) => [name, Redacted.isRedacted(value) ? Redacted.value(value) : value])
      )
    })
    const done = (holds: boolean, saw: string) => {
      clearTimeout(timer)
      request.destroy()
      resume(Effect.succeed({ holds, saw }))
    }
    const timer = setTimeout(() => done(false, "no answer"), patience)
    request.on("error", (cause) => done(false, codeOf(cause)))
    request.on("response", (response) => {
      const status = response.statusCode ?? 0
      const saw = `${status} ${response.statusMessage ?? ""}`.trimEnd()
      if (!judge(() => hasStatus(leaf, status))) return done(false, saw)
      if (leaf.body === undefined) return done(true, saw)
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (text: string) => {
        if (body.length < longestBody) body += text
      })
      response.on("error", (cause) => done(false, codeOf(cause)))
      response.on("end", () => {
        const holds = judge(() => hasBody(leaf, body))
        done(holds, holds ? saw : `${saw}, another body: ${JSON.stringify(body.slice(0, 200))}`)
      })
    })
    return Effect.sync(() => {
      clearTimeout(timer)
      request.destroy()
    })
  })
