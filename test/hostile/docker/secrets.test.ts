import { assert, describe } from "@effect/vitest"
import { type Backend, BuildContext, Container, Image } from "effect-containers"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { json } from "../../layers/docker/fake.ts"
import { hostile, outcome } from "../case.ts"
import { against, type Answer } from "./server.ts"
import { line } from "./wire.ts"

const password = "Zs3cret-that-nobody-sees"
const basic = Buffer.from(`user:${password}`).toString("base64")
const credentials = { username: "user", password: Redacted.make(password) }

const answers: ReadonlyArray<readonly [what: string, gets: string, answer: Answer]> = [
  [
    "in a stream",
    "client pull of image gcc:14 failed: unauthorized: not Basic <redacted>, <redacted>, Bearer <redacted>",
    ({ response }) =>
      response.end(line({ error: `unauthorized: not Basic ${basic}, ${password}, Bearer ${"a1.b2-c3_".repeat(9)}` }))
  ],
  [
    "as an answer",
    "client pull of image gcc:14 failed: unauthorized: <redacted> is not the password",
    ({ response }) => json(response, 500, { message: `unauthorized: ${password} is not the password` })
  ]
]

/** Says back all that it was asked. */
const echo: Answer = ({ path, request, response }) => {
  let body = ""
  request.on("data", (piece: Buffer) => (body += piece.toString()))
  request.on("end", () => json(response, 400, { message: `no: ${decodeURIComponent(path)} ${body}` }))
}

const secret = Redacted.make(password)

describe("docker, an engine's words that say back what it was sent", () => {
  for (
    const [what, gets, program] of [
      [
        "of a container",
        "ContainerCreate: InvalidArgument",
        Container.run(Container.make("alpine").pipe(Container.variable("PASSWORD", secret)))
      ],
      [
        "of a command",
        "ContainerExec: InvalidArgument",
        Container.execString({ id: "a", image: "alpine" }, ["x"], { env: { PASSWORD: secret } })
      ],
      [
        "of a build",
        "ImageBuildDockerfile: InvalidArgument",
        Stream.runDrain(
          Image.build("a", BuildContext.fromDockerfile("FROM busybox\n"), { buildArgs: { PASSWORD: secret } })
        )
      ]
    ] as const
  ) {
    hostile(
      what,
      gets,
      against({ create: echo, execCreate: echo, build: echo }, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip<unknown, unknown, Backend.Backend>(program)
          const shown = [inspect(error, { depth: 12, showHidden: true }), JSON.stringify(error)].join("\n")
          assert.notInclude(shown, password)
          assert.include(shown, "<redacted>")
          return yield* outcome(Effect.fail(error))
        }))
    )
  }
})

describe("docker, a registry's words that say back what it was sent", () => {
  for (const [what, gets, pull] of answers) {
    hostile(
      what,
      `${gets} (give credentials, or log in with the engine's own client)`,
      against(
        { pull },
        () =>
          Effect.map(Effect.flip(Stream.runDrain(Image.pull("gcc:14", { credentials }))), (error) => {
            const shown = [inspect(error, { depth: 12 }), JSON.stringify(error)].join("\n")
            for (const secret of [password, basic]) assert.notInclude(shown, secret)
            return error.message
          })
      )
    )
  }
})
