import { fromBinary } from "@bufbuild/protobuf"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { EngineEvent, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as Filter from "../../Filter.ts"
import type { Engine } from "./engine.ts"
import { reason } from "./errors.ts"
import { familiar } from "./images/names.ts"
import { recordOf } from "./inspect.ts"
import { Containers } from "./protocol/containers_pb.ts"
import { ContainerEventSchema, ImageEventSchema, TaskEventSchema, TaskExitSchema } from "./protocol/event_pb.ts"
import { type Envelope, Events } from "./protocol/events_pb.ts"
import { visible } from "./record.ts"
import { time } from "./task.ts"

const operation = "events"

/** What containerd tells, in the words that Docker has for it. */
const containerActions: Readonly<Record<string, string>> = {
  "/containers/create": "create",
  "/containers/delete": "destroy",
  "/containers/update": "update",
  "/tasks/start": "start",
  "/tasks/exit": "die",
  "/tasks/oom": "oom",
  "/tasks/paused": "pause",
  "/tasks/resumed": "unpause",
  "/tasks/exec-added": "exec_create",
  "/tasks/exec-started": "exec_start"
}

const imageActions: Readonly<Record<string, string>> = {
  "/images/create": "tag",
  "/images/update": "tag",
  "/images/delete": "untag"
}

type Attributes = Readonly<Record<string, string>>

interface Told {
  readonly type: "container" | "image"
  readonly action: string
  readonly id: string
  readonly attributes: Attributes
}

/** `undefined`: nothing that anybody is told of. */
const read = ({ event, topic }: Envelope): Told | undefined => {
  const bytes = event?.value
  if (bytes === undefined) return undefined
  const image = imageActions[topic]
  if (image !== undefined) {
    const name = familiar(fromBinary(ImageEventSchema, bytes).name)
    return { type: "image", action: image, id: name, attributes: { name } }
  }
  const action = containerActions[topic]
  if (action === undefined) return undefined
  if (topic === "/tasks/exit") {
    const { containerId, exitStatus, id } = fromBinary(TaskExitSchema, bytes)
    // The end of a further process is another thing than the container's.
    return id === containerId
      ? { type: "container", action, id, attributes: { exitCode: String(exitStatus) } }
      : { type: "container", action: "exec_die", id: containerId, attributes: { exitCode: String(exitStatus) } }
  }
  const id = topic.startsWith("/containers/")
    ? fromBinary(ContainerEventSchema, bytes).id
    : fromBinary(TaskEventSchema, bytes).containerId
  return { type: "container", action, id, attributes: {} }
}

const none: Attributes = {}

export const make = (engine: Engine): Pick<Primitives, "events"> => {
  const { channel } = engine

  const attributesOf = (id: string): Effect.Effect<Attributes, Errors.Reason> =>
    channel.unary(Containers.method.get, { id }, { operation }).pipe(
      Effect.map(({ container }): Attributes => {
        if (container === undefined) return none
        const record = recordOf(container)
        return {
          ...visible(container.labels),
          name: record?.name ?? id,
          image: record?.image ?? container.image
        }
      }),
      Effect.catchTag("NotFound", () => Effect.succeed(none))
    )

  const matches = (filter: Filter.Filter, told: Filter.EventFacts): Effect.Effect<boolean, Errors.Reason> =>
    Effect.mapError(
      Effect.fromResult(Filter.matchEvent(filter, told)),
      ({ issue }) => reason("InvalidArgument", { operation, message: issue })
    )

  return {
    events: ({ filter = Filter.all }) =>
      Stream.unwrap(Effect.gen(function*() {
        yield* matches(filter, { type: "", action: "", id: "", attributes: {} })
        // Of a container that is gone nobody can be asked.
        const seen = new Map<string, Attributes>()
        const told = Effect.fnUntraced(function*(envelope: Envelope) {
          const found = yield* Effect.try({
            try: () => read(envelope),
            catch: (cause) =>
              reason("Protocol", { operation, message: `the event ${envelope.topic} is unreadable`, cause })
          })
          if (found === undefined) return []
          let own = none
          if (found.type === "container") {
            own = seen.get(found.id) ?? (yield* attributesOf(found.id))
            if (found.action === "destroy") seen.delete(found.id)
            else if (own !== none) seen.set(found.id, own)
          }
          const attributes = { ...own, ...found.attributes }
          if (!(yield* matches(filter, { ...found, attributes }))) return []
          const now = yield* DateTime.now
          const at = DateTime.make(time(envelope.timestamp) ?? Number.NaN)
          return [
            {
              ...found,
              attributes,
              time: Option.getOrElse(at, () => now)
            } satisfies EngineEvent
          ]
        })
        return channel.stream(
          Events.method.subscribe,
          { filters: [`namespace==${channel.namespace}`] },
          { operation, deadline: "none" }
        ).pipe(Stream.mapEffect(told), Stream.flattenIterable)
      }))
  }
}
