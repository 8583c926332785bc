import { describe } from "@effect/vitest"
import { Backend, Container } from "effect-containers"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { json } from "../../layers/docker/fake.ts"
import { hostile, outcome } from "../case.ts"
import { against, type Answer, id, image, inspected } from "./server.ts"
import * as Use from "./use.ts"
import { cutAfter } from "./wire.ts"

const inspect = outcome(Container.inspect("a"), ({ state }) => state)

describe("docker, an answer", () => {
  for (
    const [what, gets, answer] of [
      ["with fields that nobody knows", "exited", ({ response }) => json(response, 200, inspected({ New: { a: 1 } }))],
      ["with null for what is a list or a map", "exited", ({ response }) =>
        json(
          response,
          200,
          inspected({
            NetworkSettings: { Ports: { "80/tcp": null } },
            Config: { Image: "alpine", Tty: null, Labels: null }
          })
        )],
      [
        "with null for what must be there",
        "ContainerInspect: Protocol",
        ({ response }) => json(response, 200, inspected({ State: null }))
      ],
      ["of a wrong type", "ContainerInspect: Protocol", ({ response }) => json(response, 200, inspected({ Name: 3 }))],
      ["that is a text", "ContainerInspect: Protocol", ({ response }) => json(response, 200, "a")],
      ["that is not UTF-8", "ContainerInspect: Protocol", ({ response }) => response.end(Buffer.from([0xff, 0xfe]))],
      [
        "with times that are none",
        "exited",
        ({ response }) => json(response, 200, inspected({ Created: "yesterday" }))
      ],
      [
        "with a status that nobody knows",
        "dead",
        ({ response }) => json(response, 200, inspected({ State: { Status: "floating" } }))
      ],
      [
        "with ports that are none",
        "exited",
        ({ response }) =>
          json(response, 200, inspected({ NetworkSettings: { Ports: { x: [{ HostIp: null, HostPort: "y" }] } } }))
      ],
      ["cut in the middle", "ContainerInspect: Unavailable", ({ request, response }) => {
        response.writeHead(200, { "Content-Length": "100" })
        response.write("{", () => request.socket.destroy())
      }],
      ["that never comes", "ContainerInspect: TimedOut", () => {}],
      ["that comes a byte at a time", "ContainerInspect: TimedOut", ({ response }) => {
        const timer = setInterval(() => response.write(" "), 20)
        response.on("close", () => clearInterval(timer))
      }],
      ["in no language", "ContainerInspect: Protocol", ({ socket }) => void socket.end("\x16\x03\x01 not HTTP\r\n")],
      [
        "with a header of a megabyte",
        "ContainerInspect: Protocol",
        ({ socket }) => void socket.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(1024 * 1024)}\r\n\r\n`)
      ],
      [
        "with a chunk whose length is none",
        "ContainerInspect: Protocol",
        cutAfter("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n")
      ],
      [
        "that leads elsewhere",
        "ContainerInspect: Protocol",
        ({ response }) => response.writeHead(302, { Location: "http://127.0.0.1:1/" }).end()
      ],
      [
        "of a proxy",
        "ContainerInspect: Protocol",
        ({ response }) => response.writeHead(502, { "Content-Type": "text/html" }).end("<html>Bad Gateway</html>")
      ],
      ["and bytes after its end", "exited", ({ socket }) => {
        const body = JSON.stringify(inspected())
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}HTTP/1.1 200 OK\r\n\r\nmore`)
      }]
    ] satisfies ReadonlyArray<readonly [string, string, Answer]>
  ) {
    hostile(
      what,
      gets,
      // On a machine that is busy what comes may take its time.
      against({ inspect: answer }, () => inspect, { config: gets.endsWith("TimedOut") ? { requestTimeout: 1000 } : {} })
    )
  }
  hostile(
    "without an end, faster than it can be read",
    "ContainerInspect: Protocol",
    against({
      inspect: ({ response }) => {
        const piece = Buffer.alloc(1024 * 1024, " ")
        const more = () => {
          if (!response.destroyed) response.write(piece, () => setImmediate(more))
        }
        more()
      }
    }, () => inspect)
  )
  hostile(
    "that is an error of the kind it says",
    "an Errors.NotFound in an Errors.ContainerInspect",
    against(
      { inspect: ({ response }) => json(response, 404, { message: "No such container: a" }) },
      () =>
        Effect.map(
          Effect.flip(Container.inspect("a")),
          (error) =>
            error instanceof Error && error.reason instanceof Error
              ? `an Errors.${error.reason._tag} in an Errors.${error._tag}`
              : "no error"
        )
    )
  )
  hostile(
    "null for a list of containers",
    "0 containers",
    against(
      { list: ({ response }) => json(response, 200, null) },
      () => outcome(Container.list(), ({ length }) => `${length} containers`)
    )
  )
  hostile(
    "with a container from after the end of time",
    "of 1970",
    against({
      list: ({ response }) =>
        json(response, 200, [{ Id: id, Names: null, Image: "a", State: "exited", Created: 1e300, Labels: null }])
    }, () => outcome(Container.list(), ([found]) => `of ${found?.createdAt.toString().match(/\d{4}/)?.[0]}`))
  )
  hostile(
    "with an event from after the end of time",
    "of 1970",
    against({
      events: ({ response }) =>
        response.end(
          JSON.stringify({ Type: "container", Action: "die", Actor: { ID: id }, time: 1e300, timeNano: 1e300 })
        )
    }, () =>
      outcome(
        Stream.runHead(Stream.unwrap(Backend.Backend.use(({ events }) => Effect.succeed(events())))),
        (event) => `of ${Option.getOrUndefined(event)?.time.toString().match(/\d{4}/)?.[0]}`
      ))
  )
  hostile(
    "null for the lists of an image",
    "sha256:aaa",
    against({
      pull: ({ response }) => response.end(),
      image: ({ response }) => json(response, 200, { ...image, RepoTags: null, RepoDigests: null, Config: null })
    }, () => Use.resolve)
  )
})
