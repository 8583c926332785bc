import * as Effect from "effect/Effect"
import type { ContainerSummary } from "../../Backend.ts"
import { attach } from "../dockerApi/attach.ts"
import { exec } from "../dockerApi/exec.ts"
import { filters } from "../dockerApi/filters.ts"
import * as Podman from "../dockerApi/podman.ts"
import { ask, type Client, send } from "../dockerApi/request.ts"
import * as Schemas from "../dockerApi/schemas.ts"
import * as Time from "../dockerApi/time.ts"
import { usage } from "../dockerApi/usage.ts"
import { whole } from "../dockerApi/whole.ts"
import { completed, orLogged } from "./completed.ts"
import { copyIn, copyOut } from "./copy.ts"
import { create } from "./create.ts"
import { infoOf, stateOf } from "./info.ts"
import { type Containers, isRunning, look, type Operations, path } from "./known.ts"
import { logs } from "./logs.ts"
import { remove } from "./remove.ts"
import { stop } from "./stop.ts"
import { ended, wait } from "./wait.ts"

/** `network` is what a container gets that asks for none. */
export const make = (client: Client, network: string | undefined): Operations => {
  const containers: Containers = { client, known: new Map(), network }
  const signals = (id: string) => {
    const mine = containers.known.get(id)
    if (mine !== undefined) mine.isSignalled = true
  }
  const shown = client.isPodman ? Podman.familiar : (image: string) => image

  const atEndOf = (id: string) => whole("attach", ended(containers, id), isRunning(containers, "attach", id))

  return {
    create: (config) => create(containers, config),
    wait: (id) => wait(containers, id),
    remove: (id, options) => remove(containers, id, options),
    logs: (id, options) => logs(containers, id, options),
    start: (id) =>
      Effect.map(send(client, { operation: "start", method: "POST", path: path(id, "/start") }), () => {
        const mine = containers.known.get(id)
        if (mine === undefined) return
        mine.isStarted = true
        mine.isSignalled = false
        mine.ended = undefined
      }),
    attach: (id, options) =>
      Effect.suspend(() => {
        const mine = containers.known.get(id)
        // Its log is that of this one run.
        const isOnly = mine !== undefined && !mine.isStarted && !mine.isRestarted
        if (!options.output || !isOnly) return attach(client, id, { ...options, atEnd: atEndOf(id) })
        return client.isPodman && options.stdin
          // Whether it was the end is then for the log to say.
          ? Effect.map(attach(client, id, { ...options, atEnd: Effect.void }), (attached) => ({
            ...attached,
            output: completed(attached.output, logs(containers, id, { follow: true }))
          }))
          : Effect.map(attach(client, id, { ...options, atEnd: atEndOf(id) }), (attached) => ({
            ...attached,
            output: orLogged(attached.output, logs(containers, id, {}))
          }))
      }),
    signal: (id, signal) => {
      signals(id)
      return Effect.asVoid(
        send(client, { operation: "signal", method: "POST", path: path(id, "/kill"), query: { signal } })
      )
    },
    stop: (id, { grace }) => {
      signals(id)
      return stop(containers, id, grace)
    },
    pause: (id) => Effect.asVoid(send(client, { operation: "pause", method: "POST", path: path(id, "/pause") })),
    unpause: (id) => Effect.asVoid(send(client, { operation: "unpause", method: "POST", path: path(id, "/unpause") })),
    usage: (id) => usage(client, id),
    inspect: (id) => Effect.map(look(containers, "inspect", id), (found) => infoOf(found, shown)),
    list: (filter) =>
      Effect.map(
        ask(client, {
          operation: "list",
          method: "GET",
          path: "/containers/json",
          query: { all: 1, filters: filters(filter) }
        }, Schemas.containers),
        (list) =>
          list.map((found): ContainerSummary => ({
            id: found.id,
            name: (found.names[0] ?? "").replace(/^\//, ""),
            image: shown(found.image),
            imageId: found.imageId ?? "",
            state: stateOf(found.state),
            createdAt: Time.fromSeconds(found.created),
            labels: found.labels
          }))
      ),
    resize: (id, { columns, rows }) =>
      Effect.asVoid(
        send(client, { operation: "resize", method: "POST", path: path(id, "/resize"), query: { w: columns, h: rows } })
      ),
    exec: (id, config) => exec(client, id, config),
    copyIn: (id, target, archive) => copyIn(containers, id, target, archive),
    copyOut: (id, source) => copyOut(containers, id, source)
  }
}
