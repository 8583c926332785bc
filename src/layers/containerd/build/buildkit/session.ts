import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import type { Credentials } from "../../../../Backend.ts"
import type * as Errors from "../../../../Errors.ts"
import type { Channel } from "../../channel.ts"
import { reason } from "../../errors.ts"
import { Control } from "../../protocol/buildkit-control_pb.ts"
import { Auth, FileSend, FileSync } from "../../protocol/buildkit-session_pb.ts"
import { Health } from "../../protocol/health_pb.ts"
import { fromCall } from "./failure.ts"
import { send } from "./filesync.ts"
import * as Pipe from "./pipe.ts"
import { method, serve, type Served, unary } from "./serve.ts"
import type { Tree } from "./tree.ts"

const operation = "build"

/** What BuildKit may ask of us while it builds. */
export interface Offer {
  /** The folders that it may read, by the names that it has for them. */
  readonly trees: Readonly<Record<string, Tree>>
  /** Takes the archive of what was built. */
  readonly take: (archive: Stream.Stream<Uint8Array, Errors.Reason>) => Effect.Effect<void, Errors.Reason>
  readonly credentials: (domain: string) => Effect.Effect<Credentials | undefined>
  readonly others: ReadonlyArray<Served>
}

export interface Session {
  readonly id: string
  /** Fails when the session has ended. */
  readonly lost: Effect.Effect<never, Errors.Reason>
}

/** How BuildKit calls a registry, and how everybody else does. */
const domainOf = (host: string): string => host === "registry-1.docker.io" ? "docker.io" : host

const servedOf = ({ credentials, others, take, trees }: Offer): ReadonlyArray<Served> => [
  method(FileSync.method.diffCopy, (asked) => {
    const name = asked.header("dir-name") ?? ""
    const tree = Object.hasOwn(trees, name) ? trees[name] : undefined
    return tree === undefined
      ? Effect.fail(reason("NotFound", { operation, message: `there is no folder ${name} for BuildKit` }))
      : send(asked, tree)
  }),
  method(FileSend.method.diffCopy, ({ messages }) => take(Stream.map(messages, ({ data }) => data))),
  unary(Auth.method.credentials, ({ host }) =>
    Effect.map(credentials(domainOf(host)), (found) =>
      found === undefined
        ? { username: "", secret: "" }
        : "identityToken" in found
        ? { username: "", secret: Redacted.value(found.identityToken) }
        : { username: found.username, secret: Redacted.value(found.password) })),
  unary(Health.method.check, () => Effect.succeed({ status: 1 })),
  ...others
]

/** Opens a session, which the scope closes. */
export const open = Effect.fnUntraced(function*(
  channel: Channel,
  offer: Offer
): Effect.fn.Return<Session, Errors.Reason, Scope.Scope> {
  const id = randomUUID().replaceAll("-", "")
  const served = servedOf(offer)
  const lost = yield* Deferred.make<never, Errors.Reason>()
  const call = yield* channel.duplex(Control.method.session, {
    operation,
    headers: [
      ["x-docker-expose-session-uuid", id],
      ["x-docker-expose-session-name", "effect-containers"],
      // Nothing that it has read before is taken for what it reads now: two files can look the same from outside.
      ["x-docker-expose-session-sharedkey", id],
      ...served.map(({ path }) => ["x-docker-expose-session-grpc-method", path] as const)
    ]
  })
  call.on("error", (cause) => void Deferred.doneUnsafe(lost, Effect.fail(fromCall(operation, cause))))
  call.on("end", () =>
    void Deferred.doneUnsafe(
      lost,
      Effect.fail(reason("Unavailable", { operation, message: "BuildKit has ended the session" }))
    ))
  yield* serve(Pipe.make(call), served)
  return { id, lost: Deferred.await(lost) }
})
