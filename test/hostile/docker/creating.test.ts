import { describe } from "@effect/vitest"
import { Container } from "effect-containers"
import * as Effect from "effect/Effect"
import { json } from "../../layers/docker/fake.ts"
import { hostile } from "../case.ts"
import { against, type Answer, id } from "./server.ts"
import * as Use from "./use.ts"

const gone = { after: (engine: { readonly containers: Set<string> }) => `${engine.containers.size} containers left` }
const quick = { ...gone, config: { requestTimeout: 1000 } }

/** Does it, and loses the reply. */
const losing: Answer = ({ engine, path, socket }) => {
  engine.containers.add(new URL(path, "http://engine").searchParams.get("name") ?? "")
  socket.destroy()
}

describe("docker, creating", () => {
  hostile(
    "whose reply is lost",
    "nothing, then ContainerCreate: Unavailable, 0 containers left after 1 request",
    against({ create: losing }, () => Use.run(), {
      after: ({ asked, containers }) => `${containers.size} containers left after ${asked.get("create")} request`
    })
  )
  hostile(
    "whose reply is lost, with a name",
    "nothing, then ContainerCreate: Unavailable, 0 containers left",
    against({ create: losing }, () => Use.run(Container.name(Container.make("alpine"), "mine")), gone)
  )
  hostile(
    "whose reply never comes",
    "nothing, then ContainerCreate: TimedOut, 0 containers left",
    against(
      {
        create: ({ engine, path }) => {
          engine.containers.add(new URL(path, "http://engine").searchParams.get("name") ?? "")
        }
      },
      () => Use.run(),
      quick
    )
  )
  hostile(
    "whose reply comes byte by byte, for ever",
    "nothing, then ContainerCreate: TimedOut, 0 containers left",
    against(
      {
        create: ({ engine, path, response }) => {
          engine.containers.add(new URL(path, "http://engine").searchParams.get("name") ?? "")
          response.writeHead(201)
          const timer = setInterval(() => response.write(" "), 20)
          response.on("close", () => clearInterval(timer))
        }
      },
      () => Use.run(),
      quick
    )
  )
  for (
    const [what, body] of [
      ["has no id", { Warnings: [] }],
      ["has a number for an id", { Id: 7 }],
      ["has null for an id", { Id: null }],
      ["is a list", []],
      ["is null", null]
    ] as const
  ) {
    hostile(
      `whose reply ${what}`,
      "nothing, then ContainerCreate: Protocol, 0 containers left",
      against(
        {
          create: ({ engine, path, response }) => {
            engine.containers.add(new URL(path, "http://engine").searchParams.get("name") ?? "")
            json(response, 201, body)
          }
        },
        () => Use.run(),
        gone
      )
    )
  }
  hostile(
    "whose reply has null for a list, and fields that nobody knows",
    "\"hello\", then exit 0, 0 containers left",
    against(
      {
        create: ({ engine, path, response }) => {
          engine.containers.add(new URL(path, "http://engine").searchParams.get("name") ?? "")
          json(response, 201, { Id: id, Warnings: null, Novelty: { a: [1] } })
        }
      },
      () => Use.run(),
      gone
    )
  )
  hostile(
    "sends the name and the platform that were asked for",
    "name=mine&platform=linux%2Farm64, then exit 0",
    Effect.suspend(() => {
      let query = ""
      return against({
        create: ({ path, response }) => {
          query = path.replace(/.*\?/, "")
          json(response, 201, { Id: id })
        }
      }, () =>
        Effect.map(
          Use.run(Container.make("alpine").pipe(Container.name("mine"), Container.platform("linux/arm64"))),
          (end) => `${query}, ${end.replace("\"hello\", ", "")}`
        ))
    })
  )
})
