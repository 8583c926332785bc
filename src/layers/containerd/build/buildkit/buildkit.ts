import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import type { Credentials } from "../../../../Backend.ts"
import type * as Errors from "../../../../Errors.ts"
import type { BuildStatus } from "../../../../Progress.ts"
import type { Channel } from "../../channel.ts"
import { reason } from "../../errors.ts"
import type { Images } from "../../images/images.ts"
import { Control } from "../../protocol/buildkit-control_pb.ts"
import type { Builder, Job } from "../builder.ts"
import { renamed } from "../dockerfile.ts"
import * as Content from "./content.ts"
import { reworded } from "./failure.ts"
import * as Request from "./request.ts"
import * as Session from "./session.ts"
import { Trace } from "./trace.ts"
import * as Tree from "./tree.ts"

const operation = "build"

/** How long after a build's end what was told of it may still be on its way. */
const patience = "3 seconds"

export interface Options {
  /** Opens a connection to BuildKit, which the scope closes. */
  readonly connect: Effect.Effect<Channel, Errors.Reason, Scope.Scope>
  /** That of containerd. */
  readonly channel: Channel
  readonly importImages: Images["importImages"]
  readonly credentials: (domain: string) => Effect.Effect<Credentials | undefined>
}

/**
 * BuildKit, which may be anybody's: it asks nothing of this machine but through a session of ours. Base images are
 * containerd's, read from its content store through that session, so that whatever containerd has or can pull can be
 * built on, whichever registries BuildKit itself knows. It pulls by itself only what a `# syntax=` line names, with the
 * credentials of Docker's client. What it has built comes back as an archive, which goes to containerd as it comes.
 */
export const make = ({ channel, connect, credentials, importImages }: Options): Builder => {
  const solve = Effect.fnUntraced(function*(
    { bases, context, emit, name, options, parsed }: Job
  ): Effect.fn.Return<string, Errors.Reason, Scope.Scope> {
    const contexts = yield* Request.contextsOf(bases, parsed)
    const secretless = Request.without(options.buildArgs)
    const word = (text: string) =>
      secretless([...contexts.names].reduce((text, [theirs, ours]) => text.replaceAll(ours, theirs), text))
    const buildkit = yield* connect
    const imported = yield* Ref.make<Errors.Reason | undefined>(undefined)
    const session = yield* Session.open(buildkit, {
      trees: {
        context: Tree.ofFolder(context),
        dockerfile: Tree.ofTexts({
          Dockerfile: renamed(parsed, contexts.names),
          // In the place of the context's own: what it has was chosen before.
          "Dockerfile.dockerignore": "# nothing\n"
        })
      },
      take: (archive) => Effect.tapError(Effect.asVoid(importImages(archive)), (error) => Ref.set(imported, error)),
      credentials,
      others: Content.serve(channel, Content.blobsOf(bases))
    })
    const ref = randomUUID().replaceAll("-", "")
    const trace = new Trace(parsed)
    const told = yield* Stream.runForEachArray(
      buildkit.stream(Control.method.status, { ref }, { operation, deadline: "none" }),
      (responses) => {
        const statuses: Array<BuildStatus> = []
        for (const response of responses) trace.push(response, statuses)
        return emit(statuses)
      }
    ).pipe(Effect.forkScoped)
    const end = (failed: boolean) =>
      Effect.gen(function*() {
        const all = yield* Effect.timeoutOption(Fiber.await(told), patience)
        // The build's own failure says more.
        if (!failed && !(Option.isSome(all) && Exit.isSuccess(all.value))) {
          const why = Option.isSome(all) ? Exit.findErrorOption(all.value) : Option.none<Errors.Reason>()
          const words = Option.isSome(why) ? why.value.message : "BuildKit does not end to tell of it"
          yield* Effect.logWarning(`${name} is built, and of what its build has said something is missing: ${words}`)
        }
        const last: Array<BuildStatus> = []
        trace.end(last, failed)
        yield* emit(last)
      })
    const { exporterResponse } = yield* buildkit.unary(Control.method.solve, {
      ref,
      session: session.id,
      frontend: "dockerfile.v0",
      frontendAttrs: Request.attributesOf(options, contexts.attributes),
      exporter: "oci",
      exporterAttrs: { name },
      cache: {}
    }, { operation, deadline: "none" }).pipe(
      Effect.raceFirst(session.lost),
      Effect.tapError(() => end(true)),
      Effect.catch((error) =>
        Effect.flatMap(Ref.get(imported), (own) =>
          // Of a connection that is lost, an archive is only cut short.
          Effect.fail(own === undefined || error._tag === "Unavailable" ? reworded(error, word) : own))
      )
    )
    yield* end(false)
    const digest = exporterResponse["containerimage.digest"]
    return digest === undefined
      ? yield* reason("Protocol", { operation, message: "BuildKit did not say what it has built" })
      : digest
  })

  return {
    name: "buildkit",
    build: (job) => Effect.map(Effect.scoped(solve(job)), (digest) => ({ digest }))
  }
}
