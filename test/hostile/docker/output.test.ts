import { describe } from "@effect/vitest"
import { Container } from "effect-containers"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { json, pong } from "../../layers/docker/fake.ts"
import { hostile } from "../case.ts"
import { against, type Answer, type Engine, inspected, type Script, upgrade } from "./server.ts"
import * as Use from "./use.ts"
import { bytes, cutAfter, frame, header } from "./wire.ts"

/** What a container writes, given to whoever is attached when it starts. */
const writing = (...contents: ReadonlyArray<string | Uint8Array>): Script => ({
  start: ({ engine, response }) => {
    response.writeHead(204).end()
    engine.attached?.end(Buffer.concat(contents.map(bytes)))
  }
})

/** The same, but the connection breaks after it. */
const breaking = (...contents: ReadonlyArray<string | Uint8Array>): Script => ({
  start: ({ engine, response }) => {
    response.writeHead(204).end()
    const socket = engine.attached
    socket?.write(Buffer.concat(contents.map(bytes)), () => socket.destroy())
  }
})

const hello = frame("stdout", "hello")

const running: Answer = ({ response }) =>
  json(response, 200, inspected({ State: { Status: "running", Running: true, ExitCode: 0 } }))

const left = { after: ({ containers }: Engine) => `${containers.size} containers left` }

const terminal = Container.tty(Container.make("alpine"), true)

describe("docker, the frames of a run", () => {
  for (const [how, script] of [["ends", writing], ["breaks", breaking]] as const) {
    hostile(
      `a connection that ${how} in mid-header`,
      "\"hello\", then ContainerLogs: Protocol",
      against(script(hello, hello.subarray(0, 5)), () => Use.run())
    )
    hostile(
      `a connection that ${how} in mid-frame`,
      "\"hellohe\", then ContainerLogs: Protocol",
      against(script(hello, hello.subarray(0, 10)), () => Use.run())
    )
    hostile(
      `a connection that ${how} after a frame`,
      "\"hello\", then exit 0",
      against(script(hello), () => Use.run())
    )
  }
  hostile(
    "a connection that ends after a frame, and the container runs on",
    "\"hello\", then ContainerLogs: Unavailable, 0 containers left",
    against({ wait: () => {}, inspect: running }, () => Use.run(), left)
  )
  hostile(
    "a connection that breaks after a frame, and the container runs on",
    "\"hello\", then ContainerLogs: Unavailable, 0 containers left",
    against({ ...breaking(hello), wait: () => {}, inspect: running }, () => Use.run(), left)
  )
  hostile(
    "a connection that ends after a frame, and the container ends a while later",
    "\"hello\", then exit 0, asked once",
    against(
      { wait: ({ response }) => void setTimeout(() => json(response, 200, { StatusCode: 0 }), 2000) },
      () => Use.run(),
      { after: ({ asked }) => asked.get("wait") === 1 ? "asked once" : `asked ${asked.get("wait")} times` }
    )
  )
  hostile(
    "empty ones",
    "\"ab\" and \"c\", then exit 0",
    against(
      writing(
        header(1, 0),
        frame("stdout", "a"),
        header(2, 0),
        header(1, 0),
        frame("stdout", "b"),
        header(1, 0),
        frame("stderr", "c"),
        header(2, 0)
      ),
      () => Use.run()
    )
  )
  hostile(
    "an empty one, and standard error after it stays standard error",
    "\"out\" and \"err\", then exit 0",
    against(writing(header(1, 0), frame("stderr", "err"), header(2, 0), frame("stdout", "out")), () => Use.run())
  )
  hostile(
    "20,000 of one byte in a chunk",
    "\"xxxxxxxxxxxx\"... (20000 characters), then exit 0",
    against(writing(...Array.from({ length: 20_000 }, () => frame("stdout", "x"))), () => Use.run())
  )
  hostile(
    "one of 4 GiB",
    "\"hello\", then ContainerLogs: Protocol",
    against(writing(hello, header(1, 2 ** 32 - 1), "x".repeat(100_000)), () => Use.run())
  )
  hostile(
    "one of a stream that there is not",
    "\"hello\", then ContainerLogs: Protocol",
    against(writing(hello, header(9, 1), "x"), () => Use.run())
  )
  hostile(
    "one in which the engine tells of an error of its own",
    "\"hello\", then ContainerLogs: Internal",
    against(writing(hello, header(3, 8), "too late", hello), () => Use.run())
  )
  hostile(
    "no frames at all, but text",
    "nothing, then ContainerLogs: Protocol",
    against(writing("hello, I am a terminal\r\n"), () => Use.run())
  )
  hostile(
    "UTF-8 cut anywhere, between frames of both streams",
    "\"жжж\" and \"é🐋\", then exit 0",
    against(
      writing(
        ...Array.from(Buffer.from("жжж"), (byte, at) => [
          frame("stdout", Uint8Array.of(byte)),
          frame("stderr", Buffer.from("é🐋").subarray(at, at + 1))
        ]).flat()
      ),
      () => Use.run()
    )
  )
  hostile(
    "those that come in one packet with the answer's head",
    "\"firsthello\", then exit 0",
    against({ attach: ({ socket }) => upgrade(socket, frame("stdout", "first")) }, () => Use.run())
  )
  hostile(
    "a byte at a time",
    "\"hello\", then exit 0",
    against({
      start: ({ engine, response }) => {
        response.writeHead(204).end()
        const socket = engine.attached
        let at = 0
        const next = () => {
          if (at === hello.length) return socket?.end()
          socket?.write(hello.subarray(at, ++at))
          setImmediate(next)
        }
        next()
      }
    }, () => Use.run())
  )
  hostile(
    "four megabytes of small ones, in two seconds",
    "\"xxxxxxxxxxxx\"... (4194304 characters), then exit 0",
    against(
      writing(...Array.from({ length: 65_536 }, () => frame("stdout", "x".repeat(64)))),
      () => Use.run().pipe(Effect.timeout("10 seconds"))
    )
  )
})

describe("docker, a terminal", () => {
  hostile(
    "whose bytes look like frames",
    "\"\\u0001\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0005hello\", then exit 0",
    against(writing(hello), () => Use.run(terminal))
  )
  hostile(
    "whose bytes look like a frame of 4 GiB",
    "\"��\\u0000\\u0000��\", then exit 0",
    against(writing(Uint8Array.of(0xff, 0xff, 0, 0, 0xff, 0xff)), () => Use.run(terminal))
  )
  hostile(
    "that writes less than a frame's header, and goes on",
    "\"$ \" before it ended",
    against({
      start: ({ engine, response }) => {
        response.writeHead(204).end()
        engine.attached?.write("$ ")
      }
    }, () =>
      Effect.map(
        Stream.runCollect(Stream.take(Container.stream(terminal), 1)),
        ([first]) => `${JSON.stringify(new TextDecoder().decode(first?.bytes))} before it ended`
      ))
  )
})

const kept = (answer: Answer, tty = false): Script => ({
  inspect: ({ response }) => json(response, 200, inspected({ Config: { Image: "alpine", Tty: tty } })),
  logs: answer
})

const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

const chunked = (content: Uint8Array) =>
  Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from("\r\n")])

describe("docker, the logs", () => {
  hostile(
    "cut before the header",
    "nothing, then ContainerLogs: Unavailable",
    against(kept(cutAfter()), () => Use.logs())
  )
  hostile(
    "cut after a frame, without the body's end",
    "\"hello\", then ContainerLogs: Unavailable",
    against(kept(cutAfter(head, chunked(hello))), () => Use.logs())
  )
  hostile(
    "cut in mid-frame",
    "\"hellohe\", then ContainerLogs: Unavailable",
    against(kept(cutAfter(head, chunked(hello), chunked(hello.subarray(0, 10)))), () => Use.logs())
  )
  hostile(
    "that end in mid-frame, as if that were all",
    "\"hellohe\", then ContainerLogs: Protocol",
    against(kept(({ response }) => response.end(Buffer.concat([hello, hello.subarray(0, 10)]))), () => Use.logs())
  )
  hostile(
    "without the headers of their frames in the text",
    "\"hellohello\", then the end",
    against(kept(({ response }) => response.end(Buffer.concat([hello, hello]))), () => Use.logs())
  )
  hostile(
    "with times that are none",
    "\"hello\", then ContainerLogs: Protocol",
    against(
      kept(({ response }) =>
        response.end(Buffer.concat([
          frame("stdout", "2026-01-01T00:00:00.000000001Z hello"),
          frame("stdout", "2026-13-01T00:00:00Z hello")
        ]))
      ),
      () => Use.logs({ timestamps: true })
    )
  )
  hostile(
    "of a terminal, whose bytes look like frames",
    JSON.stringify(new TextDecoder().decode(hello)) + ", then the end",
    against(kept(({ response }) => response.end(hello), true), () => Use.logs())
  )
  hostile(
    "refused",
    "nothing, then ContainerLogs: Conflict",
    against(
      kept(({ response }) => json(response, 409, { message: "can not get logs from a dead container" })),
      () => Use.logs()
    )
  )
  for (const options of [{ follow: true }, { follow: true, tail: 3 }]) {
    hostile(
      `followed to before its end by an engine of API 1.41${options.tail === undefined ? "" : ", the last lines"}`,
      JSON.stringify(options.tail === undefined ? "a\nb\nc\nd\n" : "b\nc\nd\n") + ", then the end",
      against({
        ...kept(({ path, response }) => {
          const lines = ["a\n", "b\n", "c\n", "d\n"].map((line) => frame("stdout", line))
          const some = path.includes("follow=1") ? lines.slice(0, 2) : path.includes("tail=3") ? lines.slice(1) : lines
          response.end(Buffer.concat(some))
        }),
        ping: ({ response }) => pong(response, "1.41")
      }, () => Use.logs(options))
    )
  }
  hostile(
    "followed without an end, interrupted",
    "interrupted at once",
    against(kept(({ response }) => void response.write(hello)), (engine) =>
      // The one over which it was looked at is kept.
      Use.interrupted(engine, "logs", Stream.runDrain(Container.logs("a", { follow: true })), { connections: 1 }))
  )
})

describe("docker, attaching", () => {
  const gone = { after: (engine: { readonly containers: Set<string> }) => `${engine.containers.size} containers left` }
  for (
    const [what, gets, attach] of [
      ["is not there", "NotFound", ({ socket }) => refuse(socket, 404, "No such container: a")],
      ["cannot be", "Conflict", ({ socket }) => refuse(socket, 409, "container is paused")],
      ["is answered as if it were a question", "Protocol", ({ socket }) => refuse(socket, 200, "fine")],
      ["breaks", "Unavailable", ({ socket }) => void socket.destroy()],
      ["is answered in no language", "Protocol", ({ socket }) => void socket.end("\0\0\0 not HTTP\r\n\r\n")],
      ["is never answered", "TimedOut", () => {}]
    ] satisfies ReadonlyArray<readonly [string, string, Answer]>
  ) {
    hostile(
      `that ${what}`,
      `nothing, then ContainerLogs: ${gets}, 0 containers left`,
      against({ attach }, () => Use.run(), {
        config: gets === "TimedOut" ? { requestTimeout: 1000 } : {},
        ...gone
      })
    )
  }
})

function refuse(socket: Parameters<Answer>[0]["socket"], status: number, message: string): void {
  const body = JSON.stringify({ message })
  socket.end(`HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
}
