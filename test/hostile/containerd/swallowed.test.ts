/** What goes wrong beside the thing that was asked for is said, and not taken for an answer. */
import { create, toBinary } from "@bufbuild/protobuf"
import { Backend, Container } from "effect-containers"
import * as Told from "effect-containers/layers/containerd/protocol/event_pb"
import * as Events from "effect-containers/layers/containerd/protocol/events_pb"
import * as Tasks from "effect-containers/layers/containerd/protocol/tasks_pb"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { hostile } from "../case.ts"
import { wellBehaved } from "./behaved.ts"
import { against, type Answer } from "./server.ts"
import { encode, fail, reply } from "./wire.ts"

const event: Answer = ({ stream }) =>
  reply(
    stream,
    encode(Events.EnvelopeSchema, {
      namespace: "default",
      topic: "/containers/create",
      timestamp: { seconds: 1n, nanos: 0 },
      event: {
        typeUrl: "containerd.events.ContainerCreate",
        value: toBinary(Told.ContainerEventSchema, create(Told.ContainerEventSchema, { id: "a" }))
      }
    })
  )

/** What is told of a container that cannot be looked at for this code. */
const told = (code: number) =>
  against(
    { "Events/Subscribe": event, "Containers/Get": ({ stream }) => fail(stream, code, "no") },
    () =>
      Effect.gen(function*() {
        const backend = yield* Backend.Backend
        return yield* backend.events({}).pipe(
          Stream.take(1),
          Stream.runCollect,
          Effect.map((events) =>
            events.map(({ action, attributes }) => `${action} ${JSON.stringify(attributes)}`).join()
          ),
          Effect.catch(({ _tag, reason }) => Effect.succeed(`${_tag}: ${reason._tag}`))
        )
      })
  )

hostile("an event of a container that is gone", "create {}", told(5))
hostile("an event of a container that may not be looked at", "EngineEvents: PermissionDenied", told(7))

/** How a killed container ended whose counters are answered like this, and what was logged. */
const killed = (metrics: Answer) =>
  against({
    "Tasks/Metrics": metrics,
    "Tasks/Wait": ({ stream }) => reply(stream, encode(Tasks.WaitResponseSchema, { exitStatus: 137 }))
  }, () =>
    Effect.gen(function*() {
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => void said.push(String(message)))
      const job = Container.make("alpine").pipe(Container.pull("never"), Container.command(["true"]))
      const exit = yield* Effect.provide(Container.exitStatus(job), Logger.layer([logger]))
      return [exit._tag, ...said.map((line) => line.replace(/container \S+/, "container"))].join("; ")
    }))

hostile("the end of a killed container of which nobody counts", "Killed", killed(wellBehaved["Tasks/Metrics"]!))
hostile(
  "the end of a killed container whose counters cannot be read",
  "Killed; whether memory killed container cannot be told: no",
  killed(({ stream }) => fail(stream, 7, "no"))
)
