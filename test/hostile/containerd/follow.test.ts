import { Backend } from "effect-containers"
import * as Containers from "effect-containers/layers/containerd/protocol/containers_pb"
import * as Log from "effect-containers/layers/containerd/stdio/log"
import * as Order from "effect-containers/layers/containerd/stdio/order"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { hostile } from "../case.ts"
import { against, type Answer } from "./server.ts"
import { encode, fail, reply } from "./wire.ts"

/** Started by somebody else, in the background: its log is in files. */
const container: Answer = ({ stream }) =>
  reply(
    stream,
    encode(Containers.GetContainerResponseSchema, {
      container: {
        id: "a",
        image: "alpine",
        runtime: { name: "runc" },
        spec: { typeUrl: "", value: new Uint8Array() },
        labels: { "effect-containers.started": "1" },
        snapshotter: "native",
        snapshotKey: "a",
        extensions: {}
      }
    })
  )

const followed = (code: number) =>
  against(
    { "Containers/Get": container, "Tasks/Get": ({ stream }) => fail(stream, code, "no") },
    ({ folder }) =>
      Effect.gen(function*() {
        const log = Order.paths(join(folder, "data", "test", "a"))
        yield* Effect.orDie(Log.create(log))
        writeFileSync(log.stdout, "said\n")
        const backend = yield* Backend.Backend
        const seen: Array<string> = []
        const end = yield* backend.logs("a", { follow: true }).pipe(
          Stream.runForEach(({ bytes }) => Effect.sync(() => seen.push(new TextDecoder().decode(bytes).trim()))),
          Effect.as("ended"),
          Effect.catch(({ _tag, reason }) => Effect.succeed(`${_tag}: ${reason._tag}`))
        )
        return [...seen, end].join(", ")
      }),
    { config: { namespace: "test" } }
  )

hostile("somebody else's container that has no task any more is read to its end", "said, ended", followed(5))
hostile(
  "somebody else's container of whose end nothing can be learned is read, and then that is said",
  "said, ContainerLogs: PermissionDenied",
  followed(7)
)
