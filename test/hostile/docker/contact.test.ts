import { describe } from "@effect/vitest"
import { Container } from "effect-containers"
import * as Effect from "effect/Effect"
import { pong } from "../../layers/docker/fake.ts"
import { hostile } from "../case.ts"
import { against, type Answer, upgrade } from "./server.ts"
import * as Use from "./use.ts"

describe("docker, the first contact", () => {
  const use = Effect.succeed("connected")
  for (
    const [what, gets, ping] of [
      ["that is accepted and never answered", "TimedOut", () => {}],
      ["that is answered with garbage", "Protocol", ({ socket }) => void socket.end("\0\x01\x02\r\n\r\n")],
      ["that is closed at once", "Unavailable", ({ socket }) => void socket.destroy()],
      ["whose answer never ends", "TimedOut", ({ response }) => {
        response.writeHead(200, { "Api-Version": "1.45" })
        response.write("O")
      }],
      ["whose version is no version", "Protocol", ({ response }) => pong(response, "newest")],
      ["whose answer goes on and on", "connected", ({ response }) => {
        response.writeHead(200, { "Api-Version": "1.45" })
        const timer = setInterval(() => response.write("OK".repeat(1000)), 5)
        response.on("close", () => clearInterval(timer))
      }]
    ] satisfies ReadonlyArray<readonly [string, string, Answer]>
  ) {
    hostile(
      what,
      gets === "connected" ? gets : `BackendNotAvailable: ${gets}`,
      against({ ping }, () => use, {
        config: gets === "TimedOut" ? { healthTimeout: 100 } : {}
      })
    )
  }
  hostile(
    "an attachment that is upgraded twice",
    "\"HTTP/1.1 101\"... (109 characters), then exit 0",
    against({
      attach: ({ socket }) => {
        upgrade(socket)
      },
      start: ({ engine, response }) => {
        response.writeHead(204).end()
        if (engine.attached !== undefined) upgrade(engine.attached)
        engine.attached?.end()
      }
    }, () => Use.run(Container.tty(Container.make("alpine"), true)))
  )
})
