import { describe } from "@effect/vitest"
import { Backend, BuildContext, Image } from "effect-containers"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { json } from "../../layers/docker/fake.ts"
import { hostile, outcome } from "../case.ts"
import { against, type Answer } from "./server.ts"
import * as Use from "./use.ts"
import { chunk, chunkedHead, cutAfter, downloading, line } from "./wire.ts"

const answering = (...lines: ReadonlyArray<string>): Answer => ({ response }) => {
  for (const text of lines) response.write(text)
  response.end()
}

const refusal = { errorDetail: { message: "toomanyrequests: slow down" }, error: "toomanyrequests: slow down" }

describe("docker, an error inside of a success", () => {
  hostile(
    "of a pull",
    "1 status, then ClientPull: ResourceExhausted",
    against(
      { pull: answering(downloading, line(refusal), line({ status: "Status: Downloaded newer image" })) },
      () => Use.pull
    )
  )
  hostile(
    "of a pull, and there is no copy here",
    "ImagePull: ResourceExhausted",
    against({
      pull: answering(downloading, line(refusal)),
      image: ({ response }) => json(response, 404, { message: "No such image: gcc:14" })
    }, () => Use.resolve)
  )
  hostile(
    "of a push",
    "1 status, then ImagePush: Unauthenticated",
    against({ push: answering(downloading, line({ error: "unauthorized: authentication required" })) }, () => Use.push)
  )
  hostile(
    "of a build",
    "2 statuses, then ImageBuildDockerfile: Internal",
    against({
      build: answering(
        line({ stream: "Step 1/1 : RUN false\n" }),
        line({ stream: "no\n" }),
        line({ errorDetail: { code: 1, message: "The command '/bin/sh -c false' returned a non-zero code: 1" } })
      )
    }, () => Use.build)
  )
  hostile(
    "of a build, told with its step and its log",
    "ImageBuild at step 2: no",
    against({
      build: answering(
        line({ stream: "Step 2/3 : RUN false\n" }),
        line({ stream: "no\n" }),
        line({ error: "The command '/bin/sh -c false' returned a non-zero code: 1" })
      ),
      image: ({ response }) => json(response, 404, { message: "No such image: a" })
    }, () =>
      Effect.map(
        Effect.flip(Image.resolve("a", { build: BuildContext.fromDockerfile("FROM busybox\nRUN false\n") })),
        (error) =>
          error._tag === "ImageBuild"
            ? `ImageBuild at step ${error.cause.step?.number}: ${error.cause.log.trim().split("\n").at(-1)}`
            : error._tag
      ))
  )
  hostile(
    "of a load",
    "ImageImport: InvalidArgument",
    against(
      { load: answering(line({ errorDetail: { message: "archive/tar: invalid tar header" } })) },
      () => outcome(Image.fromArchive(Stream.make(new Uint8Array(512))))
    )
  )
  hostile(
    "without a word",
    "1 status, then ClientPull: Internal",
    against({ pull: answering(downloading, line({ errorDetail: { code: 5 } })) }, () => Use.pull)
  )
  hostile(
    "whose detail is empty",
    "0 statuses, then ClientPull: NotFound",
    against({ pull: answering(line({ errorDetail: { message: "" }, error: "manifest unknown" })) }, () => Use.pull)
  )
})

const cuts = [
  ["before the header", "0 statuses", []],
  ["in mid-header", "0 statuses", ["HTTP/1.1 200 OK\r\nContent-Ty"]],
  ["after the header", "0 statuses", [chunkedHead]],
  ["in mid-JSON line", "1 status", [chunkedHead, chunk(downloading), chunk(downloading.slice(0, 20))]],
  ["in mid-chunk", "1 status", [chunkedHead, chunk(downloading), "ff\r\n{\"stat"]],
  ["after the last byte without an end", "2 statuses", [chunkedHead, chunk(downloading), chunk(downloading)]]
] as const

describe("docker, a connection that is cut", () => {
  for (const [where, seen, sent] of cuts) {
    hostile(
      `${where} of a pull`,
      `${seen}, then ClientPull: Unavailable`,
      against({ pull: cutAfter(...sent) }, () => Use.pull)
    )
    hostile(
      `${where} of a push`,
      `${seen}, then ImagePush: Unavailable`,
      against({ push: cutAfter(...sent) }, () => Use.push)
    )
    hostile(
      `${where} of a build`,
      `${seen}, then ImageBuildDockerfile: Unavailable`,
      against({
        build: (exchange) => void exchange.request.resume().on("end", () => cutAfter(...sent)(exchange))
      }, () => Use.build)
    )
  }
  hostile(
    "in a body that ends with its connection, in mid-line",
    "1 status, then ClientPull: Protocol",
    against({ pull: cutAfter("HTTP/1.0 200 OK\r\n\r\n", downloading, downloading.slice(0, 20)) }, () => Use.pull)
  )
  hostile(
    "before as many bytes as were promised",
    "1 status, then ClientPull: Unavailable",
    against({ pull: cutAfter("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", downloading) }, () => Use.pull)
  )
})

const page = `<html>${"x".repeat(1024 * 1024)}</html>`

describe("docker, HTTP 500", () => {
  const gets = "0 statuses, then ImageBuildDockerfile"
  hostile(
    "on a build",
    `${gets}: Internal`,
    against({ build: ({ response }) => json(response, 500, { message: "it broke" }) }, () => Use.build)
  )
  hostile(
    "on a build, as a page of a megabyte",
    `${gets}: Protocol`,
    against({ build: ({ response }) => response.writeHead(500).end(page) }, () => Use.build)
  )
  hostile(
    "on a build, without a body",
    `${gets}: Internal`,
    against({ build: ({ response }) => response.writeHead(500).end() }, () => Use.build)
  )
  hostile(
    "on a build, with a body that never ends",
    `${gets}: ResourceExhausted`,
    against(
      {
        build: ({ response }) => {
          response.writeHead(500)
          response.write(JSON.stringify({ message: "no space left on device" }))
        }
      },
      () => Use.build,
      { config: { requestTimeout: 1000 } }
    )
  )
  hostile(
    "on a build, with a body that never begins",
    `${gets}: Internal`,
    against({ build: ({ response }) => void response.writeHead(500).flushHeaders() }, () => Use.build, {
      config: { requestTimeout: 100 }
    })
  )
  hostile(
    "on a pull, cut after what it has to say",
    "0 statuses, then ClientPull: ResourceExhausted",
    against({
      pull: cutAfter(
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1000\r\n\r\n",
        JSON.stringify({ message: "no space left on device" })
      )
    }, () => Use.pull)
  )
})

describe("docker, lines", () => {
  const long = line({ status: "x".repeat(10 * 1024 * 1024) })
  hostile(
    "one of 10 MiB",
    "2 statuses, then the end",
    against({ pull: answering(long, downloading) }, () => Use.pull)
  )
  hostile(
    "one of 17 MiB",
    "1 status, then ClientPull: Protocol",
    against({ pull: answering(downloading, line({ status: "x".repeat(17 * 1024 * 1024) })) }, () => Use.pull)
  )
  const text = line({ status: "Grüße, \u{1F40B}", id: "ж" })
  hostile(
    "UTF-8 cut anywhere",
    `${Buffer.byteLength(text)} times the same`,
    against(
      {
        pull: ({ response }) => {
          const bytes = Buffer.from(text)
          const sent = Array.from(bytes, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]).flat()
          const next = () => {
            const piece = sent.shift()
            if (piece === undefined) return response.end()
            if (piece.length === 0) return next()
            response.write(piece, () => setImmediate(next))
          }
          next()
        }
      },
      () =>
        Effect.map(
          Stream.runCollect(Image.pull("gcc:14")),
          (statuses) => `${statuses.filter(({ status }) => status === "Grüße, \u{1F40B}").length} times the same`
        )
    )
  )
  hostile(
    "slow bytes",
    "2 statuses, then the end",
    against({
      pull: ({ response }) => {
        const bytes = Buffer.from(downloading + downloading)
        let at = 0
        const next = () => {
          if (at === bytes.length) return response.end()
          response.write(bytes.subarray(at, ++at))
          setImmediate(next)
        }
        next()
      }
    }, () => Use.pull)
  )
  hostile(
    "fields that nobody knows, and nulls",
    "2 statuses, then the end",
    against({
      pull: answering(
        line({ status: "a", id: "b", progressDetail: null, error: null, errorDetail: null, aux: null, new: [1] }),
        line({ status: null, id: null }),
        line({ status: "c", progressDetail: { hidecounts: true, units: null } })
      )
    }, () => Use.pull)
  )
  for (
    const [what, odd] of [
      ["of a wrong type", { status: 3 }],
      ["that is a list", []],
      ["that is a number", 3],
      ["that is null", null],
      ["of an error that is no text", { error: { message: "x" } }],
      ["of a progress that is no number", { status: "a", progressDetail: { current: "1" } }]
    ] as const
  ) {
    hostile(
      `one ${what}`,
      "1 status, then ClientPull: Protocol",
      against({ pull: answering(downloading, line(odd)) }, () => Use.pull)
    )
  }
  hostile(
    "an empty one, one of blanks, one that ends as in DOS",
    "1 status, then the end",
    against({ pull: answering("\n", "  \n", "\r\n", downloading.replace("\n", "\r\n")) }, () => Use.pull)
  )
  hostile(
    "two million that say nothing",
    "1 status, then the end",
    against({ pull: answering("\n".repeat(2_000_000), downloading) }, () => Use.pull)
  )
  hostile("none at all", "0 statuses, then the end", against({ pull: answering() }, () => Use.pull))
  hostile(
    "a pull that never goes on, interrupted",
    "interrupted at once",
    against(
      { pull: ({ response }) => void response.write(downloading) },
      (engine) => Use.interrupted(engine, "pull", Stream.runDrain(Image.pull("gcc:14")))
    )
  )
  hostile(
    "a pull that never begins, interrupted",
    "interrupted at once",
    against({ pull: () => {} }, (engine) => Use.interrupted(engine, "pull", Stream.runDrain(Image.pull("gcc:14"))))
  )
  hostile(
    "a build whose context nobody reads, interrupted",
    "interrupted at once",
    // Later it is: the engine hears only then that nobody sends any more.
    against({ build: ({ request }) => void setTimeout(() => request.resume(), 200) }, (engine) =>
      Use.interrupted(
        engine,
        "build",
        Backend.Backend.use((backend) =>
          Stream.runDrain(backend.build(Stream.forever(Stream.make(new Uint8Array(65_536))), {
            tag: "a",
            dockerfile: "Dockerfile",
            buildArgs: {},
            labels: {},
            noCache: false,
            pull: false
          }))
        )
      ))
  )
})
