import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import type { Credentials } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ClientConfig from "./clientConfig.ts"
import type { Environment } from "./environment.ts"

/** Under which name the client's configuration knows a registry: Docker Hub has one of its own. */
export const serverOf = (domain: string): string => domain === "docker.io" ? "https://index.docker.io/v1/" : domain

/** `https://host/v1/` and `host` are the same. */
export const hostOf = (server: string): string => server.replace(/^https?:\/\//, "").replace(/\/.*$/, "")

type Entry = NonNullable<ClientConfig.ClientConfig["auths"]>[string]

/** The credentials that an entry of `auths` holds. */
export const fromEntry = (entry: Entry): Credentials | undefined => {
  if (entry.identitytoken !== undefined && entry.identitytoken !== "") {
    return { identityToken: Redacted.make(entry.identitytoken) }
  }
  const pair = entry.auth === undefined || entry.auth === ""
    ? undefined
    : Buffer.from(entry.auth, "base64").toString("utf8")
  const colon = pair?.indexOf(":") ?? -1
  if (pair !== undefined && colon > 0) {
    return { username: pair.slice(0, colon), password: Redacted.make(pair.slice(colon + 1).replace(/\0+$/, "")) }
  }
  return entry.username === undefined || entry.password === undefined || entry.username === ""
    ? undefined
    : { username: entry.username, password: Redacted.make(entry.password) }
}

const Answer = Schema.Struct({ Username: Schema.String, Secret: Schema.String })

const decodeAnswer = Schema.decodeUnknownResult(Answer)

const helperDeadline = 10_000

/** Longer than any secret: characters. */
const longestAnswer = 1024 * 1024

/**
 * Asks a credential helper, as docker-credential-helpers has it: the server on standard input, JSON on standard output.
 * `undefined` when it knows none.
 */
const fromHelper = (
  helper: string,
  server: string,
  operation: string
): Effect.Effect<Credentials | undefined, Errors.Reason> => {
  const program = `docker-credential-${helper}`
  const failed = (message: string) => reason("Unavailable", { operation, message: `${program}: ${message}` })
  const run = Effect.callback<string | undefined, Errors.Reason>((resume) => {
    const child = spawn(program, ["get"], { stdio: ["pipe", "pipe", "ignore"] })
    let output = ""
    child.on("error", (cause) => resume(Effect.fail(failed(cause.message))))
    child.stdin.on("error", () => {})
    child.stdout.setEncoding("utf8")
    child.stdout.on("data", (text: string) => {
      output += text
      if (output.length > longestAnswer) child.kill("SIGKILL")
    })
    child.on("close", (code) => {
      if (code === 0) return resume(Effect.succeed(output))
      resume(
        /not found/i.test(output)
          ? Effect.undefined
          : Effect.fail(failed(`ended with ${code ?? "a signal"}`))
      )
    })
    child.stdin.end(server)
    return Effect.sync(() => void child.kill("SIGKILL"))
  })
  return run.pipe(
    Effect.timeoutOrElse({
      duration: helperDeadline,
      orElse: () => Effect.fail(failed(`no answer within ${helperDeadline} ms`))
    }),
    Effect.flatMap((output) => {
      if (output === undefined) return Effect.undefined
      let json: unknown
      try {
        json = JSON.parse(output)
      } catch {
        return Effect.fail(failed("its answer is not JSON"))
      }
      const answer = decodeAnswer(json)
      if (Result.isFailure(answer)) return Effect.fail(failed("its answer has no Username and Secret"))
      const { Secret, Username } = answer.success
      if (Secret === "") return Effect.undefined
      return Effect.succeed<Credentials>(
        Username === "<token>"
          ? { identityToken: Redacted.make(Secret) }
          : { username: Username, password: Redacted.make(Secret) }
      )
    })
  )
}

const lookUp = Effect.fnUntraced(function*(
  environment: Environment,
  domain: string,
  operation: string
): Effect.fn.Return<Credentials | undefined, Errors.Reason> {
  const config = yield* ClientConfig.read(environment, operation)
  const server = serverOf(domain)
  const helper = config.credHelpers?.[domain] ?? config.credHelpers?.[server] ?? config.credsStore
  if (helper !== undefined && helper !== "") {
    const found = yield* fromHelper(helper, server, operation)
    if (found !== undefined) return found
  }
  const auths = config.auths ?? {}
  const exact = auths[server] ?? auths[domain]
  const entry = exact ?? Object.entries(auths).find(([key]) => hostOf(key) === hostOf(server))?.[1]
  return entry === undefined ? undefined : fromEntry(entry)
})

/**
 * The credentials that Docker's client would use for a registry: from `credHelpers`, `credsStore` and `auths` of
 * its `config.json`. What cannot be read is a warning: a public image needs none.
 */
export const find = (
  environment: Environment,
  domain: string,
  operation: string
): Effect.Effect<Credentials | undefined> =>
  Effect.catch(
    lookUp(environment, domain, operation),
    (error) => Effect.as(Effect.logWarning(`going on without credentials for ${domain}: ${error.message}`), undefined)
  )
