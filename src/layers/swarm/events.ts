import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { EngineEvent, EventsOptions, Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Filter from "../../Filter.ts"
import { values } from "../dockerApi/ndjson.ts"
import { stream } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"
import * as Time from "../dockerApi/time.ts"
import { tasksOf } from "./containers.ts"
import { summaryOf } from "./info.ts"
import { layerLabel, look, type Swarm } from "./known.ts"
import type { Task } from "./schemas.ts"
import { exitOf, hasStarted, isOver } from "./task.ts"

const operation = "events"

/** Between two looks at the tasks, of which the API tells no events. */
const rest = "200 millis"

/** A task that the Swarm has forgotten may still be in an answer that is on its way: milliseconds. */
const underway = 60_000

type Attributes = Readonly<Record<string, string>>

const timeOf = ({ time, timeNano }: Schemas.Event): DateTime.Utc =>
  timeNano === undefined ? Time.fromSeconds(time) : Time.fromMillis(Math.floor(timeNano / 1e6))

/** What is asked for. The manager's own containers are the tasks of some of the services: they would be told of twice. */
const types = (filter: Filter.Filter): string => {
  const asked = filter.terms.flatMap(({ key, value }) => key === "type" ? [value] : [])
  const told = ["image", "network", "volume", "daemon", "plugin", "node", "service", "secret", "config"]
  return JSON.stringify({
    type: asked.length === 0 ? told : asked.map((type) => type === "container" ? "service" : type)
  })
}

/** What happens to containers, put together from what the Swarm tells of services and what is seen of tasks. */
class Containers {
  readonly #swarm: Swarm
  /** By service. */
  readonly #attributes = new Map<string, Attributes>()
  /** What was told of a task, and when it was seen last. */
  readonly #states = new Map<string, { readonly isOver: boolean; seen: number }>()
  /** Tasks as this Layer saw them when it waited for them: nobody else may have, of one that was removed with its end. */
  readonly #heard = new Map<string, Task>()
  /** One look after the other: what one tells, the next one does not. */
  readonly #looking = Semaphore.makeUnsafe(1)
  /** Removed, while their tasks are not over yet. */
  readonly #going = new Map<string, EngineEvent>()
  /** What there was when somebody began to listen has happened before. */
  #isFirst = true

  constructor(swarm: Swarm) {
    this.#swarm = swarm
  }

  /** `labels`: what its task says, of one that is gone. */
  #attributesOf(service: string, labels: Attributes = {}): Effect.Effect<Attributes, Errors.Reason> {
    const known = this.#attributes.get(service)
    return known !== undefined ? Effect.succeed(known) : look(this.#swarm, operation, service).pipe(
      Effect.map((found): Attributes => {
        const { image, labels, name } = summaryOf(found, undefined)
        const attributes = { ...labels, name, image }
        this.#attributes.set(service, attributes)
        return attributes
      }),
      Effect.catchTag("NotFound", () =>
        Effect.sync(() => {
          this.#attributes.set(service, labels)
          return labels
        }))
    )
  }

  readonly #of = Effect.fnUntraced(function*(this: Containers, task: Task, now: number) {
    const out: Array<EngineEvent> = []
    const before = this.#states.get(task.id)
    if (before !== undefined) before.seen = now
    const tell = Effect.fnUntraced(function*(this: Containers, action: string, more: Attributes) {
      out.push({
        type: "container",
        action,
        id: task.service,
        attributes: { ...(yield* this.#attributesOf(task.service, task.spec?.container?.labels)), ...more },
        time: Time.read(task.status.time) ?? (yield* DateTime.now)
      })
    }).bind(this)
    if (!hasStarted(task) || before?.isOver === true) return out
    if (before === undefined && (task.status.container?.id ?? "") !== "") yield* tell("start", {})
    if (isOver(task)) {
      const code = ExitStatus.toCode(exitOf(task))
      yield* tell("die", code === undefined ? {} : { exitCode: String(code) })
    }
    this.#states.set(task.id, { isOver: isOver(task), seen: now })
    return out
  })

  readonly hear = (tasks: ReadonlyArray<Task>): void => {
    for (const task of tasks) this.#heard.set(task.id, task)
  }

  /** What has happened since the last look. */
  readonly look = Effect.fnUntraced(
    function*(this: Containers): Effect.fn.Return<ReadonlyArray<EngineEvent>, Errors.Reason> {
      const tasks = yield* tasksOf(this.#swarm, operation, JSON.stringify({ label: [layerLabel] }))
      const out: Array<EngineEvent> = []
      const all = [...tasks, ...this.#heard.values()]
      this.#heard.clear()
      const now = yield* Clock.currentTimeMillis
      for (const task of all) out.push(...(yield* this.#of(task, now)))
      for (const [id, { seen }] of this.#states) if (now - seen > underway) this.#states.delete(id)
      const busy = new Set(tasks.filter((task) => !isOver(task)).map(({ service }) => service))
      for (const [service, event] of this.#going) {
        if (busy.has(service)) continue
        this.#going.delete(service)
        out.push({ ...event, attributes: { ...event.attributes, ...this.#attributes.get(service) } })
        this.#attributes.delete(service)
      }
      const isFirst = this.#isFirst
      this.#isFirst = false
      return isFirst ? [] : out
    },
    this.#looking.withPermit
  )

  /** What an event of a service means. */
  readonly take = Effect.fnUntraced(function*(this: Containers, event: Schemas.Event): Effect.fn.Return<
    ReadonlyArray<EngineEvent>,
    Errors.Reason
  > {
    const { action, actor: { attributes = {}, id } } = event
    const told: EngineEvent = { type: "container", action, id, attributes, time: timeOf(event) }
    if (action === "remove") {
      this.#going.set(id, { ...told, action: "destroy" })
      return yield* this.look()
    }
    if (action !== "create") return []
    return [{ ...told, attributes: { ...attributes, ...(yield* this.#attributesOf(id)) } }]
  })
}

const matches = (filter: Filter.Filter, told: Filter.EventFacts): Effect.Effect<boolean, Errors.Reason> =>
  Effect.mapError(
    Effect.fromResult(Filter.matchEvent(filter, told)),
    ({ issue }) => reason("InvalidArgument", { operation, message: issue })
  )

const events = (
  swarm: Swarm,
  { filter = Filter.all, since }: EventsOptions
): Stream.Stream<EngineEvent, Errors.Reason> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* matches(filter, { type: "", action: "", id: "", attributes: {} })
    const containers = new Containers(swarm)
    yield* swarm.watch.listen(containers.hear)
    const engine = values(
      stream(swarm.client, {
        operation,
        method: "GET",
        path: "/events",
        query: { since: Time.parameter(since), filters: types(filter) }
      }),
      operation,
      Schemas.event,
      (event, out: Array<Schemas.Event>) => {
        out.push(event)
        return undefined
      }
    ).pipe(
      Stream.mapEffect((event): Effect.Effect<ReadonlyArray<EngineEvent>, Errors.Reason> =>
        event.type === "service"
          ? containers.take(event)
          : Effect.succeed([{
            type: event.type,
            action: event.action,
            id: event.actor.id,
            attributes: event.actor.attributes ?? {},
            time: timeOf(event)
          }])
      )
    )
    const tasks = Stream.fromEffectSchedule(containers.look(), Schedule.spaced(rest))
    return Stream.merge(engine, tasks).pipe(
      Stream.flattenIterable,
      Stream.filterEffect((event) => matches(filter, event))
    )
  }))

export const make = (swarm: Swarm): Pick<Primitives, "events"> => ({ events: (options) => events(swarm, options) })
