import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type ChildProcess, spawn } from "node:child_process"
import type { Credentials } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"

const Answer = Schema.Struct({ Username: Schema.String, Secret: Schema.String })

const decodeAnswer = Schema.decodeUnknownResult(Answer)

/** Within which a helper answers: milliseconds. Some ask their user for a password. */
export const deadline = 10_000

/** Longer than any secret: characters. */
const longestAnswer = 1024 * 1024

/** Only where there are process groups. */
const isGroup = process.platform !== "win32"

/** Ends it with all that it has started: many a helper is a script. */
const kill = (child: ChildProcess): void => {
  child.stdout?.destroy()
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    if (isGroup) process.kill(-child.pid, "SIGKILL")
    else child.kill("SIGKILL")
  } catch {
    // It has ended just now.
  }
}

/**
 * Asks a credential helper, as docker-credential-helpers has it: the server on standard input, JSON on standard output.
 * `undefined` when it knows none. Whatever goes wrong names the program, and repeats nothing of what it wrote.
 */
export const ask = (
  helper: string,
  server: string,
  operation: string
): Effect.Effect<Credentials | undefined, Errors.Reason> => {
  const program = `docker-credential-${helper}`
  const failed = (message: string) => reason("Unavailable", { operation, message: `${program}: ${message}` })
  const start = Effect.try({
    try: () => spawn(program, ["get"], { stdio: ["pipe", "pipe", "ignore"], detached: isGroup }),
    catch: () => failed("cannot be started")
  })
  const answer = (child: ReturnType<typeof spawn>) =>
    Effect.callback<string | undefined, Errors.Reason>((resume) => {
      let output = ""
      child.on("error", (cause) => resume(Effect.fail(failed(cause.message))))
      child.stdin?.on("error", () => {})
      child.stdout?.setEncoding("utf8")
      child.stdout?.on("data", (text: string) => {
        output += text
        if (output.length > longestAnswer) resume(Effect.fail(failed("its answer has no end")))
      })
      child.on("close", (code) => {
        if (code === 0) return resume(Effect.succeed(output))
        resume(
          /not found/i.test(output)
            ? Effect.undefined
            : Effect.fail(failed(`ended with ${code ?? "a signal"}`))
        )
      })
      child.stdin?.end(server)
    })
  return Effect.acquireUseRelease(start, answer, (child) => Effect.sync(() => kill(child))).pipe(
    Effect.timeoutOrElse({
      duration: deadline,
      orElse: () => Effect.fail(failed(`no answer within ${deadline} ms`))
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
