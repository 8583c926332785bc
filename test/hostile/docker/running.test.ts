import { describe } from "@effect/vitest"
import { Container } from "effect-containers"
import * as Effect from "effect/Effect"
import { json } from "../../layers/docker/fake.ts"
import { hostile, outcome } from "../case.ts"
import { against, type Answer, inspected, type Script } from "./server.ts"
import * as Use from "./use.ts"

const gone = { after: (engine: { readonly containers: Set<string> }) => `${engine.containers.size} containers left` }
const quick = { ...gone, config: { requestTimeout: 1000 } }

describe("docker, starting", () => {
  hostile(
    "what is not there",
    "nothing, then ContainerStart: NotFound, 0 containers left",
    against(
      { start: ({ response }) => json(response, 404, { message: "No such container: a" }) },
      () => Use.run(),
      gone
    )
  )
  hostile(
    "whose reply is lost",
    "nothing, then ContainerStart: Unavailable, 0 containers left",
    against({ start: ({ socket }) => void socket.destroy() }, () => Use.run(), gone)
  )
  hostile(
    "whose reply never comes",
    "nothing, then ContainerStart: TimedOut, 0 containers left",
    against({ start: () => {} }, () => Use.run(), quick)
  )
})

describe("docker, waiting", () => {
  hostile(
    "that is never answered, interrupted",
    "interrupted at once, 0 containers left",
    against(
      { wait: () => {} },
      (engine) => Use.interrupted(engine, "wait", Container.run(Container.make("alpine")), { connections: 1 }),
      gone
    )
  )
  hostile(
    "of a handle that is never answered, interrupted",
    "interrupted at once, 0 containers left",
    against({ wait: () => {} }, (engine) =>
      Effect.scoped(Effect.flatMap(
        Container.start(Container.make("alpine")),
        ({ exitCode }) => Use.interrupted(engine, "wait", exitCode, { connections: 1 })
      )), gone)
  )
  hostile(
    "whose answer has begun and never ends, interrupted",
    "interrupted at once, 0 containers left",
    against(
      { wait: ({ response }) => void response.write("{\"Stat") },
      (engine) => Use.interrupted(engine, "wait", Container.run(Container.make("alpine")), { connections: 1 }),
      gone
    )
  )
  for (
    const [what, gets, wait] of [
      ["is cut before its header", "ContainerWait: Unavailable", ({ socket }) => void socket.destroy()],
      ["is cut in the middle", "ContainerWait: Unavailable", ({ request, response }) => {
        response.writeHead(200, { "Content-Length": "100" })
        response.write("{\"StatusCode\": 0", () => request.socket.destroy())
      }],
      ["has no code", "ContainerWait: Protocol", ({ response }) => json(response, 200, {})],
      ["has null for a code", "ContainerWait: Protocol", ({ response }) => json(response, 200, { StatusCode: null })],
      ["has a text for a code", "ContainerWait: Protocol", ({ response }) => json(response, 200, { StatusCode: "0" })],
      ["has a half for a code", "ContainerWait: Protocol", ({ response }) => json(response, 200, { StatusCode: 0.5 })],
      ["is empty", "ContainerWait: Protocol", ({ response }) => response.end()],
      [
        "is an error inside of a success",
        "ContainerWait: Internal",
        ({ response }) => json(response, 200, { StatusCode: 0, Error: { Message: "lost it" } })
      ],
      ["is HTTP 500", "ContainerWait: Internal", ({ response }) => json(response, 500, { message: "it broke" })],
      [
        "is a code that is lost",
        "ContainerWait: Unavailable",
        ({ response }) => json(response, 200, { StatusCode: -1 })
      ]
    ] satisfies ReadonlyArray<readonly [string, string, Answer]>
  ) {
    hostile(
      `whose answer ${what}`,
      `${gets}, 0 containers left`,
      against({ wait }, () => outcome(Container.exitCode(Container.make("alpine"))), gone)
    )
  }
})

describe("docker, an end for want of memory", () => {
  const state = (oomKilled: boolean) => inspected({ State: { Status: "exited", ExitCode: 137, OOMKilled: oomKilled } })
  const ends = (looks: number): Script => ({
    wait: ({ response }) => json(response, 200, { StatusCode: 137 }),
    inspect: ({ engine, response }) => json(response, 200, state((engine.asked.get("inspect") ?? 0) > looks))
  })
  const limited = Container.memory(Container.make("alpine"), "24 MiB")
  const status = (container: Container.Container) => outcome(Container.exitStatus(container), ({ _tag }) => _tag)
  hostile("whose cause is told later", "OomKilled", against(ends(2), () => status(limited)))
  hostile("whose cause is never told", "Killed", against(ends(100), () => status(limited)))
  hostile(
    "of one without a limit is asked for once",
    "Killed",
    against(ends(1), () => status(Container.make("alpine")))
  )
})

describe("docker, removing", () => {
  const left = { config: { requestTimeout: 1000 } }
  hostile(
    "that never succeeds does not spoil the run",
    "\"hello\", then exit 0",
    against({ remove: ({ response }) => json(response, 500, { message: "it broke" }) }, () => Use.run(), left)
  )
  hostile(
    "that is never answered does not keep anybody for long",
    "\"hello\", then exit 0",
    against({ remove: () => {} }, () => Use.run(), left)
  )
})
