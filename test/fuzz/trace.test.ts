import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Trace } from "effect-containers/layers/containerd/build/buildkit/trace"
import * as Dockerfile from "effect-containers/layers/containerd/build/dockerfile"
import { StatusResponseSchema } from "effect-containers/layers/containerd/protocol/buildkit-control_pb"
import type { BuildStatus } from "effect-containers/Progress"
import * as fc from "fast-check"
import { bytes, check, cuts, split, text } from "./fuzz.ts"

type Response = MessageInitShape<typeof StatusResponseSchema>

const dockerfiles = [
  "FROM base\nRUN one\nENV A=1\nCOPY a b\n",
  "ARG X=1\nFROM a AS one\nRUN x\nFROM b\nWORKDIR /w\nRUN y\nCOPY --from=one a b\nCMD true\n",
  "FROM scratch\n",
  "FROM a\nONBUILD RUN x\nRUN <<E\necho\nE\n",
  ""
]

const name = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      "[1/3] FROM base@sha256:0",
      "[1/2] RUN one",
      "[2/3] RUN one",
      "[3/3] COPY a b",
      "[one 1/2] RUN x",
      "[one 2/2] RUN x",
      "[stage-1 2/4] WORKDIR /w",
      "[stage-1 3/4] RUN y",
      "[linux/amd64 stage-1 4/4] COPY --from=one a b",
      "[internal] load build definition from Dockerfile",
      "[99999999999999999999/0] RUN one",
      "[0/1] RUN x",
      ""
    )
  },
  { weight: 1, arbitrary: text("[]/ 0123RUNCOPY\n") }
)

const time = fc.option(fc.constant({ seconds: 1n, nanos: 0 }), { nil: undefined })

/** A vertex is known by its digest: in most cases that is the name's own, as a vertex does not change its name. */
const vertex = fc.tuple(name, fc.constantFrom(false, false, true)).map(([name, isOther]) => ({
  name,
  digest: isOther ? "other" : `of ${name}`
}))

const error = fc.constantFrom("", "", "", "context canceled", "process did not complete: exit code: 1")

const size = fc.constantFrom(0n, 1n, 10n, -1n, 2n ** 62n)

const log = fc.oneof(text("é🐋\n", 8).map((text) => new TextEncoder().encode(text)), bytes(8))

/** Said with the numbers and the bytes that JSON has, so that what failed can be kept. */
const response = fc.record({
  vertexes: fc.array(fc.record({ vertex, isStarted: fc.boolean(), isCompleted: fc.boolean(), error }), {
    maxLength: 3
  }),
  statuses: fc.array(
    fc.record({
      id: fc.oneof(text("sha256:", 10), fc.constant("sha256:0123456789abcdef")),
      current: size.map(Number),
      total: size.map(Number),
      completed: time.map((time) => time !== undefined)
    }),
    { maxLength: 2 }
  ),
  logs: fc.array(fc.record({ vertex, msg: log }), { maxLength: 3 })
})

type Said = typeof response extends fc.Arbitrary<infer A> ? A : never

const when = (is: boolean) => is ? { seconds: 1n, nanos: 0 } : undefined

const vertexesOf = ({ vertexes }: Said): Response => ({
  vertexes: vertexes.map(({ error, isCompleted, isStarted, vertex: { digest, name } }) => {
    const [started, completed] = [when(isStarted), when(isCompleted)]
    return {
      digest,
      name,
      error,
      ...started === undefined ? {} : { started },
      ...completed === undefined ? {} : { completed }
    }
  })
})

const statusesOf = ({ statuses }: Said): Response => ({
  statuses: statuses.map(({ completed, current, id, total }) => {
    const at = when(completed)
    return { id, current: BigInt(current), total: BigInt(total), ...at === undefined ? {} : { completed: at } }
  })
})

/** In one response, or a piece in each. */
const allLogsOf = ({ logs }: Said): Response => ({
  logs: logs.map(({ msg, vertex: { digest } }) => ({ vertex: digest, msg }))
})

const logsOf = ({ logs }: Said, at: ReadonlyArray<number>): ReadonlyArray<Response> =>
  logs.flatMap(({ msg, vertex: { digest } }) => split(msg, at).map((msg) => ({ logs: [{ vertex: digest, msg }] })))

/** What is told, the texts that a cut has made of one being one again. */
const told = (
  dockerfile: string,
  responses: ReadonlyArray<ReadonlyArray<Response>>,
  isFailure: boolean
): ReadonlyArray<string> => {
  const trace = new Trace(
    Dockerfile.parse(dockerfile, { args: {}, variables: {}, target: undefined, platform: undefined })
  )
  const statuses: Array<BuildStatus> = []
  for (const parts of responses) {
    // As it goes over the wire, where messages that follow each other are one.
    const wire = Buffer.concat(parts.map((one) => toBinary(StatusResponseSchema, create(StatusResponseSchema, one))))
    trace.push(fromBinary(StatusResponseSchema, wire), statuses)
  }
  trace.end(statuses, isFailure)
  const out: Array<{ key: string; text: string }> = []
  for (const { stream = "", ...rest } of statuses) {
    const key = JSON.stringify(rest)
    const last = out.at(-1)
    if (last?.key === key && rest.step === undefined) last.text += stream
    else out.push({ key, text: stream })
  }
  return out.map(({ key, text }) => `${key} ${JSON.stringify(text)}`)
}

describe("fuzz, what BuildKit tells", () => {
  it("any split gives the same statuses, and each step is told of once, in its stage's order", () =>
    check(
      fc.tuple(fc.constantFrom(...dockerfiles), fc.array(response, { maxLength: 6 }), cuts, fc.boolean()),
      ([dockerfile, said, at, isFailure]) => {
        const whole = said.map((one) => [vertexesOf(one), statusesOf(one), allLogsOf(one)])
        const pieces = said.flatMap((one) => [vertexesOf(one), statusesOf(one), ...logsOf(one, at)])
        const got = told(dockerfile, pieces.map((one) => [one]), isFailure)
        assert.deepStrictEqual(got, told(dockerfile, whole, isFailure))
        if (isFailure) return
        const steps = got.filter((one) => one.includes("\"step\""))
        assert.strictEqual(new Set(steps).size, steps.length)
      },
      { corpus: "buildkit-trace", runs: 4000 }
    ))
})
