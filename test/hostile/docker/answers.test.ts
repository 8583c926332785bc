import { describe } from "@effect/vitest"
import { Backend, Container } from "effect-containers"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { json, pong } from "../../layers/docker/fake.ts"
import { hostile, outcome } from "../case.ts"
import { against, type Answer, id, image, inspected, upgrade } from "./server.ts"
import * as Use from "./use.ts"
import { cutAfter } from "./wire.ts"

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
        Stream.runCollect(Stream.unwrap(Backend.Backend.use(({ events }) => Effect.succeed(events())))),
        ([event]) => `of ${event?.time.toString().match(/\d{4}/)?.[0]}`
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

describe("docker, removing", () => {
  const left = { config: { requestTimeout: 100 } }
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

describe("docker, archives", () => {
  const tar = Buffer.alloc(300_000, "tar")
  const whole = Stream.fromIterable([tar.subarray(0, 7), tar.subarray(7)])
  const received: Answer = ({ request, response }) => {
    const pieces: Array<Buffer> = []
    request.on("data", (piece: Buffer) => pieces.push(piece))
    request.on("end", () => {
      const isSame = Buffer.concat(pieces).equals(tar)
      response.writeHead(isSame ? 200 : 400).end(JSON.stringify({ stream: "Loaded image: a:1\n" }))
    })
  }
  hostile(
    "copied into a container as they are",
    "copied",
    against(
      { copyIn: received },
      () => outcome(Backend.Backend.use(({ copyIn }) => copyIn("a", "/", whole)), () => "copied")
    )
  )
  hostile(
    "of images, loaded as they are",
    "a:1",
    against(
      { load: received },
      () => outcome(Backend.Backend.use(({ importImages }) => importImages(whole)), ([name]) => String(name))
    )
  )
  hostile(
    "of images, saved as they are",
    "the same bytes",
    against({ save: ({ response }) => response.end(tar) }, () =>
      outcome(
        Stream.runCollect(
          Stream.unwrap(Backend.Backend.use(({ exportImages }) => Effect.succeed(exportImages(["a"]))))
        ),
        (pieces) => Buffer.concat(pieces).equals(tar) ? "the same bytes" : "other bytes"
      ))
  )
  hostile(
    "that nobody reads, refused before they are sent",
    "ContainerCopy: NotFound",
    against({ copyIn: ({ response }) => json(response, 404, { message: "No such container: a" }) }, () =>
      outcome(
        Backend.Backend.use(({ copyIn }) => copyIn("a", "/", Stream.forever(Stream.make(new Uint8Array(65_536)))))
      ))
  )
})

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
