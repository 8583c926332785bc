/** What is told of a container, put together from what the Swarm tells of its service and what is seen of its task. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { contact } from "effect-containers/layers/dockerApi/contact"
import * as Events from "effect-containers/layers/swarm/events"
import { layerLabel, type Swarm } from "effect-containers/layers/swarm/known"
import type * as Schemas from "effect-containers/layers/swarm/schemas"
import { setTimeout as sleep } from "node:timers/promises"
import { json, serve } from "../docker/fake.ts"

/** As a manager says it, and as a watch that has read it. */
const ended = { ID: "t", ServiceID: "s", Status: { State: "complete", ContainerStatus: { ContainerID: "c" } } }
const heard: Schemas.Task = { id: "t", service: "s", status: { state: "complete", container: { id: "c" } } }

const service = {
  ID: "s",
  Version: { Index: 1 },
  Spec: { Name: "name", Labels: { [layerLabel]: "l" }, TaskTemplate: { ContainerSpec: { Image: "i" } } }
}

const removed = `${JSON.stringify({ Type: "service", Action: "remove", Actor: { ID: "s" }, time: 1 })}\n`

/**
 * The actions that are told within two seconds. `looks`: the tasks that a look finds, the last one for ever. Milliseconds:
 * until the service is removed, until a watch of the Layer's has seen the task, and for an answer about the service.
 */
const told = (
  looks: ReadonlyArray<ReadonlyArray<object>>,
  { answer = 0, hearing, removing }: {
    readonly removing?: number
    readonly hearing?: number
    readonly answer?: number
  }
) =>
  Effect.gen(function*() {
    let asked = 0
    const { host } = yield* serve((_, response, path) => {
      if (path.startsWith("/tasks")) return json(response, 200, looks[Math.min(asked++, looks.length - 1)])
      if (path.startsWith("/services/")) return void sleep(answer).then(() => json(response, 200, service))
      response.writeHead(200, { "Content-Type": "application/json" }).flushHeaders()
      if (removing !== undefined) setTimeout(() => response.write(removed), removing)
    })
    const { client } = yield* contact("swarm", { host })
    const listen = (hear: (tasks: ReadonlyArray<Schemas.Task>) => void) =>
      Effect.sync(() => {
        if (hearing !== undefined) setTimeout(() => hear([heard]), hearing)
      })
    const { events } = Events.make({ client, watch: { listen } } as unknown as Swarm)
    const actions: Array<string> = []
    yield* Stream.runForEach(events({}), ({ action }) => Effect.sync(() => actions.push(action))).pipe(
      Effect.timeoutOption("2 seconds")
    )
    return actions
  })

describe("what has happened to a container is told once", () => {
  it.live("when its service is removed while a look at its task is not over", () =>
    Effect.gen(function*() {
      const actions = yield* told([[], [ended]], { removing: 300, answer: 400 })
      assert.deepStrictEqual(actions, ["start", "die", "destroy"])
    }))

  it.live("when an older answer comes after one in which the Swarm has forgotten it", () =>
    Effect.gen(function*() {
      const actions = yield* told([[], [ended], []], { hearing: 1000 })
      assert.deepStrictEqual(actions, ["start", "die"])
    }))
})
