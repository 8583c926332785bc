import { describe } from "@effect/vitest"
import { Backend } from "effect-containers"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { json } from "../../layers/docker/fake.ts"
import { hostile, outcome } from "../case.ts"
import { against, type Answer } from "./server.ts"
import * as Use from "./use.ts"

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
    "of a build, sent whole",
    "FROM busybox, then 1 status, then the end",
    Effect.suspend(() => {
      let sent = ""
      const built: Answer = ({ request, response }) => {
        const pieces: Array<Buffer> = []
        request.on("data", (piece: Buffer) => pieces.push(piece))
        request.on("end", () => {
          const archive = Buffer.concat(pieces)
          // What the first entry of a tar holds comes after its header.
          sent = archive.subarray(512, archive.indexOf("\n", 512)).toString()
          response.end(`${JSON.stringify({ aux: { ID: `sha256:${"a".repeat(64)}` } })}\n`)
        })
      }
      return Effect.map(against({ build: built }, () => Use.build), (end) => `${sent}, then ${end}`)
    })
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
