/**
 * A registry in the test's own process: it hands everything on to one that works, but for what a test says.
 */
import { Effect, type Scope } from "effect"
import * as Http from "node:http"
import type * as Net from "node:net"
import { given } from "./engines.ts"

/** What becomes of an answer's body: so many of the blob's bytes and then nothing, or a byte that is another one. */
export type Harm = { readonly cutAt: number } | { readonly change: number }

export interface Login {
  readonly username: string
  readonly password: string
  /** By a token instead of by Basic authentication. */
  readonly token?: string | undefined
}

export interface Proxy {
  /** `host:port` as the engine names it. */
  readonly address: string
  readonly requests: ReadonlyArray<Http.IncomingMessage>
}

interface Options {
  readonly login?: Login | undefined
  readonly harm?: ((request: Http.IncomingMessage) => Harm | undefined) | undefined
}

/** Those that a Podman is told to speak to without TLS. */
const ports = [5010, 5011, 5012, 5013]

const basicOf = ({ password, username }: Login): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`

/** Says who may not come in, or gives a token. */
const isKept = (login: Login, request: Http.IncomingMessage, response: Http.ServerResponse): boolean => {
  const { authorization, host } = request.headers
  const isToken = request.url?.startsWith("/token") === true
  if (isToken && authorization === basicOf(login)) {
    response.end(JSON.stringify({ token: login.token, access_token: login.token, expires_in: 300 }))
    return true
  }
  if (authorization === (login.token === undefined ? basicOf(login) : `Bearer ${login.token}`)) return false
  const challenge = login.token === undefined || isToken
    ? "Basic realm=\"test\""
    : `Bearer realm="http://${host}/token",service="test"`
  response.writeHead(401, { "www-authenticate": challenge, "content-type": "application/json" })
  // As some do, it says back what it was given.
  const message = `who are you? not ${authorization ?? "anybody"}`
  response.end(JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message, detail: null }] }))
  return true
}

/** Gives an answer's body on, harmed. `start` is where in the blob it begins. */
const spoil = (
  harm: Harm,
  start: number,
  { answer, response }: { readonly answer: Http.IncomingMessage; readonly response: Http.ServerResponse }
): void => {
  let position = start
  answer.on("data", (chunk: Buffer) => {
    const begun = position
    position += chunk.length
    if ("change" in harm) {
      const at = harm.change - begun
      if (at >= 0 && at < chunk.length) chunk[at] = (chunk[at] ?? 0) ^ 1
      return void response.write(chunk)
    }
    if (position <= harm.cutAt) return void response.write(chunk)
    answer.destroy()
    response.write(chunk.subarray(0, Math.max(0, harm.cutAt - begun)), () => response.destroy())
  })
  answer.on("end", () => response.end())
}

const handle = (
  upstream: string,
  { harm, login }: Options,
  request: Http.IncomingMessage,
  response: Http.ServerResponse
): void => {
  if (login !== undefined && isKept(login, request, response)) return void request.resume()
  const [host, port] = upstream.split(":")
  const { authorization: _, ...headers } = request.headers
  const asked = Http.request({ host, port, method: request.method, path: request.url, headers }, (answer) => {
    answer.on("error", () => response.destroy())
    response.writeHead(answer.statusCode ?? 500, answer.headers)
    const how = request.method === "GET" ? harm?.(request) : undefined
    const start = Number(/^bytes (\d+)-/.exec(answer.headers["content-range"] ?? "")?.[1] ?? 0)
    if (how === undefined) answer.pipe(response)
    else spoil(how, start, { answer, response })
  })
  asked.on("error", () => response.destroy())
  response.on("close", () => asked.destroy())
  request.pipe(asked)
}

const listening = (server: Http.Server, port: number, host: string): Promise<boolean> =>
  new Promise((done) => {
    server.once("error", () => done(false))
    server.listen(port, host, () => done(true))
  })

/** In front of the registry that wants nothing. */
export const proxy = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Proxy, never, Scope.Scope> {
  const machine = given("machine")
  const requests: Array<Http.IncomingMessage> = []
  const server = Http.createServer((request, response) => {
    response.on("error", () => {})
    requests.push(request)
    handle(given("registry"), options, request, response)
  })
  yield* Effect.acquireRelease(
    Effect.promise(async () => {
      for (const port of machine === "127.0.0.1" ? [0] : ports) if (await listening(server, port, machine)) return
      throw new Error("no port is free")
    }),
    () =>
      Effect.promise(async () => {
        const closed = new Promise((done) => server.close(done))
        server.closeAllConnections()
        await closed
      })
  )
  return { address: `${machine}:${(server.address() as Net.AddressInfo).port}`, requests }
})
