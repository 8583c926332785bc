import { describe } from "@effect/vitest"
import { Container, Image } from "effect-containers"
import * as Containers from "effect-containers/layers/containerd/protocol/containers_pb"
import * as Content from "effect-containers/layers/containerd/protocol/content_pb"
import * as Tasks from "effect-containers/layers/containerd/protocol/tasks_pb"
import * as Version from "effect-containers/layers/containerd/protocol/version_pb"
import * as Effect from "effect/Effect"
import { constants } from "node:http2"
import type * as Net from "node:net"
import { hostile, outcome } from "../case.ts"
import { against, type Answer } from "./server.ts"
import { begin, encode, fail, framed, reply } from "./wire.ts"

const container = {
  id: "a",
  image: "alpine",
  runtime: { name: "runc" },
  spec: { typeUrl: "", value: new Uint8Array() },
  labels: {},
  snapshotter: "native",
  snapshotKey: "a",
  extensions: {}
}

const found = encode(Containers.GetContainerResponseSchema, { container })

const late = (gets: string) => gets.endsWith("TimedOut") ? { requestTimeout: 1000 } : {}

const inspect = outcome(Container.inspect("a"), ({ state }) => state)

const html = { ":status": 404, "content-type": "text/html" }

describe("containerd, an answer", () => {
  const cases: ReadonlyArray<readonly [what: string, gets: string, answer: Answer]> = [
    ["as it should be", "created", ({ stream }) => reply(stream, found)],
    ["a byte at a time", "created", ({ stream }) => {
      begin(stream)
      const bytes = framed(found)
      let at = 0
      const next = () => {
        if (at === bytes.length) return stream.end()
        stream.write(bytes.subarray(at, ++at), () => setImmediate(next))
      }
      next()
    }],
    ["without its trailers", "ContainerInspect: Protocol", ({ stream }) => {
      begin(stream, "none")
      stream.end(framed(found))
    }],
    ["without its trailers, and then nothing", "ContainerInspect: TimedOut", ({ stream }) => {
      begin(stream, "none")
      stream.write(framed(found))
    }],
    ["whose status is no number", "ContainerInspect: Internal", ({ stream }) => {
      begin(stream, { "grpc-status": "fine" })
      stream.end(framed(found))
    }],
    ["without a message", "ContainerInspect: Protocol", ({ stream }) => reply(stream)],
    ["of two messages", "ContainerInspect: TimedOut", ({ stream }) => reply(stream, found, found)],
    [
      "that is no message",
      "ContainerInspect: Protocol",
      ({ stream }) => reply(stream, Buffer.from("\x0a\xff\xff\xff\xff not a message"))
    ],
    ["that is empty", "ContainerInspect: Protocol", ({ stream }) => reply(stream, Buffer.alloc(0))],
    ["cut in the middle of a message", "ContainerInspect: Protocol", ({ stream }) => {
      begin(stream)
      stream.end(framed(found, found.length + 1))
    }],
    ["of 4 GiB, as it says", "ContainerInspect: ResourceExhausted", ({ stream }) => {
      begin(stream)
      stream.write(framed(found, 2 ** 32 - 1))
    }],
    ["of 17 MiB", "ContainerInspect: ResourceExhausted", ({ stream }) => reply(stream, Buffer.alloc(17 * 1024 * 1024))],
    ["compressed in a way that was not agreed on", "ContainerInspect: Internal", ({ stream }) => {
      begin(stream)
      stream.end(framed(found, found.length, 1))
    }],
    ["of RESOURCE_EXHAUSTED", "ContainerInspect: ResourceExhausted", ({ stream }) => fail(stream, 8)],
    ["of UNAVAILABLE", "ContainerInspect: Unavailable", ({ stream }) => fail(stream, 14)],
    ["of a code that nobody knows", "ContainerInspect: Internal", ({ stream }) => fail(stream, 99)],
    ["of a web server", "ContainerInspect: Unsupported", ({ stream }) => {
      stream.respond(html)
      stream.end("<html>")
    }],
    ["of a proxy", "ContainerInspect: Unavailable", ({ stream }) => {
      stream.respond({ ...html, ":status": 502 })
      stream.end("<html>")
    }],
    ["that is reset", "ContainerInspect: Protocol", ({ stream }) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    ["that is reset after its message", "ContainerInspect: Protocol", ({ stream }) => {
      begin(stream)
      stream.write(framed(found), () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    }],
    [
      "that is refused for being too much",
      "ContainerInspect: ResourceExhausted",
      ({ stream }) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    ],
    ["before which the server says goodbye", "ContainerInspect: Unavailable", ({ socket, stream }) => {
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR)
      setTimeout(() => socket.destroy(), 20)
    }],
    ["cut before it", "ContainerInspect: Unavailable", ({ stream }) => stream.session?.destroy()],
    ["cut in the middle", "ContainerInspect: Unavailable", ({ stream }) => {
      begin(stream)
      stream.write(framed(found, 100), () => stream.session?.destroy())
    }],
    ["garbage in the middle of HTTP/2", "ContainerInspect: Protocol", ({ engine, stream }) => {
      begin(stream)
      stream.write(framed(found, 100), () => {
        // The session would not let anybody write to its connection.
        for (const socket of engine.sockets) garbage(socket)
      })
    }],
    ["that never comes", "ContainerInspect: TimedOut", () => {}],
    [
      "without the container",
      "ContainerInspect: Protocol",
      ({ stream }) => reply(stream, encode(Containers.GetContainerResponseSchema, {}))
    ],
    [
      "with fields that nobody knows",
      "created",
      ({ stream }) => reply(stream, Buffer.concat([found, Buffer.from([0xf8, 0x3f, 0x01])]))
    ],
    [
      "with an extension that is none of ours",
      "created",
      ({ stream }) =>
        reply(
          stream,
          encode(Containers.GetContainerResponseSchema, {
            container: { ...container, extensions: { "effect-containers": { typeUrl: "x", value: Buffer.from("{") } } }
          })
        )
    ],
    [
      "with a time that is none",
      "created",
      ({ stream }) =>
        reply(
          stream,
          encode(Containers.GetContainerResponseSchema, {
            container: { ...container, createdAt: { seconds: 2n ** 62n, nanos: -1 } }
          })
        )
    ],
    [
      "with labels that say nothing",
      "exited",
      ({ stream }) =>
        reply(
          stream,
          encode(Containers.GetContainerResponseSchema, {
            container: {
              ...container,
              labels: { "effect-containers.started": "1e999", "effect-containers.exit": "{\"at\":1e999}" }
            }
          })
        )
    ]
  ]
  for (const [what, gets, answer] of cases) {
    hostile(
      what,
      gets,
      // On a machine that is busy what comes may take its time.
      against({ "Containers/Get": answer }, () => inspect, { config: late(gets) })
    )
  }
  hostile(
    "with a process of which nothing is said",
    "created",
    against({
      "Tasks/Get": ({ stream }) => reply(stream, encode(Tasks.GetResponseSchema, { process: {} })),
      "Containers/Get": ({ stream }) => reply(stream, found)
    }, () => inspect)
  )
  hostile(
    "with an empty container in a list",
    "1 container",
    against({
      "Containers/List": ({ stream }) =>
        // One of no bytes.
        reply(stream, Buffer.from([0x0a, 0]))
    }, () => outcome(Container.list(), ({ length }) => `${length} container`))
  )
})

function garbage(socket: Net.Socket): void {
  socket.write(Buffer.alloc(1000, 0xff))
}

const version: Answer = ({ stream }) => reply(stream, encode(Version.VersionResponseSchema, { version: "newest" }))

describe("containerd, the first contact", () => {
  const connected = Effect.succeed("connected")
  const cases: ReadonlyArray<readonly [what: string, gets: string, script: Parameters<typeof against>[0]]> = [
    ["that is accepted and never answered", "TimedOut", () => {}],
    ["that is closed at once", "Unavailable", (socket) => void socket.destroy()],
    ["that is answered with garbage", "Protocol", garbage],
    ["that is answered in HTTP/1", "Protocol", (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["that is answered with garbage without an end", "Protocol", (socket) => {
      const timer = setInterval(() => garbage(socket), 5)
      socket.on("close", () => clearInterval(timer))
    }],
    ["whose version is no version", "Protocol", { "Version/Version": version }],
    ["without a version", "Protocol", { "Version/Version": ({ stream }) => reply(stream, Buffer.alloc(0)) }],
    ["without a snapshotter", "Unsupported", {
      "Introspection/Plugins": ({ stream }) => reply(stream, Buffer.alloc(0))
    }],
    ["with an engine that knows nothing", "Unsupported", { "Version/Version": ({ stream }) => fail(stream, 12) }],
    ["that is half answered", "TimedOut", { "Introspection/Plugins": () => {} }]
  ]
  for (const [what, gets, script] of cases) {
    hostile(
      what,
      `BackendNotAvailable: ${gets}`,
      against(script, () => connected, {
        config: gets === "TimedOut" ? { connectTimeout: 300 } : {}
      })
    )
  }
})

const resolve = outcome(Image.resolve("alpine", { pull: "missing" }), ({ id }) => id.slice(0, 7))

const piece = (text: string) => framed(encode(Content.ReadContentResponseSchema, { data: Buffer.from(text) }))

describe("containerd, a stream", () => {
  const cases: ReadonlyArray<readonly [what: string, gets: string, answer: Answer]> = [
    ["of UNAVAILABLE in the middle", "ImagePull: Unavailable", ({ stream }) => {
      begin(stream, { "grpc-status": "14", "grpc-message": "gone" })
      stream.end(piece("{"))
    }],
    ["of RESOURCE_EXHAUSTED in the middle", "ImagePull: ResourceExhausted", ({ stream }) => {
      begin(stream, { "grpc-status": "8" })
      stream.end(piece("{"))
    }],
    ["without its trailers", "ImagePull: Protocol", ({ stream }) => {
      begin(stream, "none")
      stream.end(piece("{}"))
    }],
    ["cut in the middle", "ImagePull: Unavailable", ({ stream }) => {
      begin(stream)
      stream.write(piece("{"), () => stream.session?.destroy())
    }],
    [
      "of what is no message",
      "ImagePull: Protocol",
      ({ stream }) => reply(stream, Buffer.from("\x0a\xff\xff\xff\xff"))
    ],
    [
      "of a message that is too large",
      "ImagePull: ResourceExhausted",
      ({ stream }) => reply(stream, Buffer.alloc(17 * 1024 * 1024))
    ],
    ["that is empty", "ImagePull: Protocol", ({ stream }) => reply(stream)],
    [
      "of what is not JSON",
      "ImagePull: Protocol",
      ({ stream }) => reply(stream, encode(Content.ReadContentResponseSchema, { data: Buffer.from("<html>") }))
    ],
    [
      "of nulls and wrong types",
      "ImagePull: Protocol",
      ({ stream }) =>
        reply(
          stream,
          encode(Content.ReadContentResponseSchema, { data: Buffer.from("{\"config\":null,\"layers\":7}") })
        )
    ],
    ["without an end, faster than it can be read", "ImagePull: Protocol", ({ stream }) => {
      begin(stream)
      const more = () => {
        if (!stream.destroyed) stream.write(piece("x".repeat(1024 * 1024)), () => setImmediate(more))
      }
      more()
    }],
    ["that never begins", "ImagePull: TimedOut", () => {}],
    ["that never goes on", "ImagePull: TimedOut", ({ stream }) => {
      begin(stream)
      stream.write(piece("{"))
    }]
  ]
  for (const [what, gets, answer] of cases) {
    hostile(what, gets, against({ "Content/Read": answer }, () => resolve, { config: late(gets) }))
  }
})
