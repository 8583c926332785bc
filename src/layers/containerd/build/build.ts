import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { join } from "node:path"
import type { BuildOptions, Primitives } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import { isReason } from "../../../errors/isReason.ts"
import { BuildStatus } from "../../../Progress.ts"
import * as Reference from "../../../Reference.ts"
import { reason } from "../errors.ts"
import type { Images } from "../images/images.ts"
import * as Archive from "./archive.ts"
import * as Bases from "./bases.ts"
import type { Base, Builder, Files } from "./builder.ts"
import * as Context from "./context.ts"
import * as Dockerfile from "./dockerfile.ts"
import * as Platform from "./platform.ts"
import * as Workspace from "./workspace.ts"

const operation = "build"

/** An error of another operation that was a part of this one. */
const asBuild = (error: Errors.Reason): Errors.Reason =>
  error.operation === operation ? error : reason(error._tag, {
    operation,
    message: error.message,
    hint: error.hint,
    code: error.code,
    cause: error.cause
  })

const plain = (args: BuildOptions["buildArgs"]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, Redacted.isRedacted(value) ? Redacted.value(value) : value])
  )

const nameOf = (tag: string): Effect.Effect<string, Errors.InvalidArgument> =>
  Effect.suspend(() => {
    const parsed = Reference.parseResult(tag)
    if (Result.isFailure(parsed)) {
      return Effect.fail(reason("InvalidArgument", { operation, message: parsed.failure.message }))
    }
    return parsed.success.digest === undefined
      ? Effect.succeed(Reference.withDefaultTag(parsed.success).canonical)
      : Effect.fail(reason("InvalidArgument", {
        operation,
        message: `${tag} has a digest, which is not for us to give`
      }))
  })

/** Builds with whatever `builder` finds; what was built is then containerd's, under the one name that was given. */
export const make = (
  { builder, folder, images }: {
    readonly images: Images
    /** Where builds have their files. */
    readonly folder: string
    readonly builder: Effect.Effect<Builder, Errors.Reason>
  }
): Pick<Primitives, "build"> => {
  const bases = Bases.make(images)
  let isSwept = false

  const imported = Effect.fnUntraced(function*(built: Files, name: string, found: ReadonlyArray<Base>) {
    const bring = (there: ReturnType<typeof Archive.layersOf>) =>
      Effect.flatMap(
        Archive.make(built, name, there),
        ({ digest, stream }) => Effect.as(images.importImages(stream), digest)
      )
    const there = Archive.layersOf(found)
    // A base image may have been removed in the meantime, and its layers with it.
    return yield* Effect.catchTag(
      bring(there),
      "InvalidArgument",
      (error) => there.size === 0 ? Effect.fail(error) : bring(new Map())
    )
  })

  const run = Effect.fnUntraced(function*<E>(
    context: Stream.Stream<Uint8Array, E>,
    options: BuildOptions,
    emit: (statuses: ReadonlyArray<BuildStatus>) => Effect.Effect<void>
  ): Effect.fn.Return<void, Errors.Reason | E, Scope.Scope> {
    const name = yield* nameOf(options.tag)
    const chosen = yield* builder
    if (!isSwept) {
      isSwept = true
      yield* Workspace.sweep(folder)
    }
    const workspace = yield* Workspace.make(folder, operation)
    const files = join(workspace.folder, "context")
    yield* Context.unpackInto(files, context)
    const parsed = Dockerfile.parse(yield* Context.dockerfile(files, options.dockerfile), {
      args: plain(options.buildArgs),
      variables: Platform.variables(options.platform),
      platform: options.platform,
      target: options.target
    })
    const found = yield* bases(parsed, options, emit)
    const built = yield* chosen.build({
      ...workspace,
      context: files,
      parsed,
      bases: found,
      options,
      name,
      emit
    })
    const imageId = "digest" in built ? built.digest : yield* imported(built, name, found)
    yield* emit([
      BuildStatus.makeUnsafe({ imageId }),
      BuildStatus.makeUnsafe({ stream: `Successfully built ${imageId}\n` }),
      BuildStatus.makeUnsafe({ stream: `Successfully tagged ${options.tag}\n` })
    ])
  })

  return {
    build: <E>(context: Stream.Stream<Uint8Array, E>, options: BuildOptions) =>
      Stream.callback<BuildStatus, Errors.Reason | E>(
        (queue) =>
          run(context, options, (statuses) => Effect.asVoid(Queue.offerAll(queue, statuses))).pipe(
            // Within this fiber: a stream's own scope ends before what runs in it.
            Effect.scoped,
            Effect.mapError((error) => isReason(error) ? asBuild(error) : error),
            Effect.andThen(Queue.end(queue))
          ),
        { bufferSize: 256 }
      )
  }
}
