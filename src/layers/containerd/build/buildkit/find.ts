import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Errors from "../../../../Errors.ts"
import * as Channel from "../../channel.ts"
import type { ContainerdConfig } from "../../config.ts"
import { type Candidate, probe } from "../../discover.ts"
import type { Environment } from "../../environment.ts"
import { reason } from "../../errors.ts"
import { Control } from "../../protocol/buildkit-control_pb.ts"
import { fromCall } from "./failure.ts"

const operation = "build"

const socketOf = (address: string): string | undefined => /^(?:unix:\/\/)?(\/.*)$/.exec(address)?.[1]

/** Where a BuildKit may be, the likeliest first: as nerdctl has it, one for the namespace before one for all. */
export const candidates = (
  config: ContainerdConfig,
  environment: Environment,
  namespace: string,
  isRoot: boolean
): ReadonlyArray<Candidate> => {
  const given = config.buildkit ?? environment.BUILDKIT_HOST
  if (given !== undefined) {
    const source = config.buildkit === undefined ? "BUILDKIT_HOST" : "the configuration"
    return [{ path: socketOf(given) ?? given, source, isChosen: true }]
  }
  const runtime = environment.XDG_RUNTIME_DIR
  const folders = isRoot ? ["/run"] : runtime === undefined ? [] : [runtime]
  return folders.flatMap((folder) =>
    [`buildkit-${namespace}`, "buildkit-default", "buildkit"].map((name) => ({
      path: `${folder}/${name}/buildkitd.sock`,
      source: isRoot ? "the usual place" : "rootless",
      isChosen: false
    }))
  )
}

/** A connection to a BuildKit, which the scope closes. */
export const connect = (
  socket: string,
  { connectTimeout = 5000, requestTimeout = 60_000 }: ContainerdConfig,
  namespace: string
): Effect.Effect<Channel.Channel, Errors.Reason, Scope.Scope> =>
  Effect.gen(function*() {
    if (!socket.startsWith("/")) {
      return yield* reason("Unsupported", {
        operation,
        message: `BuildKit is spoken to at a unix socket, and not at ${socket}`,
        hint: "give the path of its socket, or choose Buildah"
      })
    }
    yield* Effect.mapError(probe(socket), (error) =>
      reason(error._tag === "NotFound" ? "Unavailable" : error._tag, {
        operation,
        message: `BuildKit at ${socket}: ${error.message}`,
        code: error.code,
        hint: error.hint
      }))
    const channel = yield* Channel.make({ socket, namespace, requestTimeout, failure: fromCall })
    yield* channel.unary(Control.method.info, {}, { operation, deadline: connectTimeout }).pipe(
      Effect.catchTag("Unsupported", () =>
        Effect.fail(reason("Unsupported", {
          operation,
          message: `the BuildKit at ${socket} is older than 0.11`
        })))
    )
    return channel
  })

/** The first BuildKit that answers; `undefined` when none does and none was chosen. */
export const find = (
  config: ContainerdConfig,
  environment: Environment,
  namespace: string
): Effect.Effect<string | undefined, Errors.Reason> =>
  Effect.gen(function*() {
    for (const { isChosen, path } of candidates(config, environment, namespace, process.getuid?.() === 0)) {
      const answers = yield* connect(path, config, namespace).pipe(
        Effect.as(true),
        Effect.scoped,
        Effect.catch((error) =>
          isChosen ? Effect.fail(error) : Effect.as(Effect.logDebug(`BuildKit is not used: ${error.message}`), false)
        )
      )
      if (answers) return path
    }
    return undefined
  })
