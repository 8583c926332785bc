import { create, type MessageInitShape } from "@bufbuild/protobuf"
import { Trace } from "effect-containers/layers/containerd/build/buildkit/trace"
import * as Dockerfile from "effect-containers/layers/containerd/build/dockerfile"
import { StatusResponseSchema } from "effect-containers/layers/containerd/protocol/buildkit-control_pb"
import type { BuildStatus } from "effect-containers/Progress"
import { describe, expect, it } from "vitest"

const parse = (text: string, target?: string) =>
  Dockerfile.parse(text, { args: {}, variables: {}, target, platform: undefined })

const time = { seconds: 1n, nanos: 0 }

type Response = MessageInitShape<typeof StatusResponseSchema>

const begun = (name: string): Response => ({ vertexes: [{ digest: name, name, started: time }] })

const wrote = (name: string, text: string | Uint8Array): Response => ({
  logs: [{ vertex: name, msg: typeof text === "string" ? Buffer.from(text) : text }]
})

const failed = (name: string, error: string): Response => ({
  vertexes: [{ digest: name, name, started: time, completed: time, error }]
})

const told = (
  dockerfile: Dockerfile.Dockerfile,
  responses: ReadonlyArray<Response>,
  isFailure = false
): ReadonlyArray<BuildStatus> => {
  const trace = new Trace(dockerfile)
  const out: Array<BuildStatus> = []
  for (const response of responses) trace.push(create(StatusResponseSchema, response), out)
  trace.end(out, isFailure)
  return out
}

const numbers = (statuses: ReadonlyArray<BuildStatus>) =>
  statuses.flatMap(({ step }) => step === undefined ? [] : [`${step.number}/${step.total} ${step.instruction}`])

describe("the steps of a build", () => {
  it("are the Dockerfile's, and not BuildKit's", () => {
    const dockerfile = parse("ARG X=1\nFROM base\nENV A=1\nRUN one\nENV B=1\nCOPY a b\nCMD true\n")
    expect(numbers(told(dockerfile, [
      begun("[internal] load build definition from Dockerfile"),
      begun("[1/3] RUN one"),
      begun("[2/3] COPY a b")
    ]))).toEqual(["1/6 FROM base", "2/6 ENV A=1", "3/6 RUN one", "4/6 ENV B=1", "5/6 COPY a b", "6/6 CMD true"])
  })
  it("are found also where the base has a number, or adds its own", () => {
    const dockerfile = parse("FROM base\nRUN one\nWORKDIR /w\n")
    expect(numbers(told(dockerfile, [begun("[1/3] FROM base@sha256:0"), begun("[2/3] RUN one")]))).toEqual([
      "1/3 FROM base",
      "2/3 RUN one",
      "3/3 WORKDIR /w"
    ])
    expect(numbers(told(dockerfile, [begun("[1/5] RUN added"), begun("[3/5] RUN one")], true))).toEqual([
      "1/3 FROM base",
      "2/3 RUN one"
    ])
    expect(numbers(told(dockerfile, [begun("[1/4] ONBUILD RUN added")], true))).toEqual([])
    expect(numbers(told(dockerfile, [begun("[1/5] RUN added"), begun("[2/5] RUN added too")], true))).toEqual([])
  })
  it("of several stages are in the Dockerfile's order where the stages are", () => {
    const dockerfile = parse(
      "FROM a AS One\nRUN x\nENV A=1\nFROM b\nRUN y\nFROM c AS unused\nRUN z\nFROM scratch\nCOPY --from=one x y\n"
    )
    expect(numbers(told(dockerfile, [
      begun("[one 1/2] RUN x"),
      begun("[stage-1  1/2] RUN y"),
      begun("[stage-3 1/1] COPY --from=one x y")
    ]))).toEqual([
      "1/9 FROM a AS One",
      "2/9 RUN x",
      "3/9 ENV A=1",
      "4/9 FROM b",
      "5/9 RUN y",
      "8/9 FROM scratch",
      "9/9 COPY --from=one x y"
    ])
  })
  it("end with the one that failed, and what it wrote", () => {
    const dockerfile = parse("FROM a AS one\nRUN x\nFROM b AS two\nRUN y\n")
    const statuses = told(dockerfile, [
      begun("[one 1/2] RUN x"),
      wrote("[one 1/2] RUN x", "first\n"),
      begun("[two 1/2] RUN y"),
      wrote("[two 1/2] RUN y", "second\n"),
      failed("[two 1/2] RUN y", "context canceled"),
      failed("[one 1/2] RUN x", "exit code: 1")
    ], true)
    expect(numbers(statuses)).toEqual(["1/4 FROM a AS one", "2/4 RUN x", "3/4 FROM b AS two", "4/4 RUN y", "2/4 RUN x"])
    expect(statuses.at(-1)?.stream).toBe("first\n")
  })
  it("of a build that failed are no more than have begun", () => {
    const dockerfile = parse("FROM a\nRUN x\nRUN y\n")
    expect(numbers(told(dockerfile, [begun("[1/3] RUN x"), failed("[1/3] RUN x", "exit code: 1")], true))).toEqual([
      "1/3 FROM a",
      "2/3 RUN x"
    ])
  })
})

describe("what a step writes", () => {
  it("is whole, wherever it was cut", () => {
    const bytes = Buffer.from("größe\n")
    const statuses = told(parse("FROM a\nRUN x\n"), [
      begun("[1/2] RUN x"),
      ...[...bytes].map((byte) => wrote("[1/2] RUN x", Uint8Array.of(byte)))
    ])
    const text = statuses.flatMap(({ step, stream }) => step === undefined ? [stream ?? ""] : []).join("")
    expect(text).toBe("größe\n")
  })
  it("has nothing of BuildKit's own affairs", () => {
    expect(
      told(parse("FROM a\n"), [
        begun("[internal] load metadata for a"),
        wrote("[internal] load metadata for a", "chatter\n")
      ]).some(({ stream }) => stream?.includes("chatter"))
    ).toBe(false)
  })
  it("is told of blobs that are read", () => {
    const statuses = told(parse("FROM a\n"), [{
      statuses: [
        { id: `sha256:${"ab".repeat(32)}`, current: 1n, total: 2n },
        { id: `sha256:${"ab".repeat(32)}`, current: 2n, total: 2n, completed: time },
        { id: "transferring context:", current: 1n, total: 0n }
      ]
    }])
    expect(statuses.flatMap(({ current, id, status }) => id === undefined ? [] : [[id, status, current]])).toEqual([
      ["abababababab", "Downloading", 1],
      ["abababababab", "Download complete", 2]
    ])
  })
})
