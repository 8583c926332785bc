import type { Progress } from "effect-containers"
import * as Failure from "effect-containers/layers/containerd/build/buildah/failure"
import { Output } from "effect-containers/layers/containerd/build/buildah/output"
import { parse } from "effect-containers/layers/containerd/build/dockerfile"
import { describe, expect, it } from "vitest"

const base = "localhost/effect-containers/base:abc"

const dockerfile = (text: string) => parse(text, { args: {}, variables: {}, target: undefined, platform: undefined })

/** Steps as `number/total instruction`, and what was written. */
const read = (text: string, pieces: ReadonlyArray<string>, failed = true) => {
  const output = new Output(dockerfile(text), new Map([["busybox:1", base]]))
  const statuses: Array<Progress.BuildStatus> = []
  for (const piece of pieces) output.push(piece, statuses)
  const failure = output.end(statuses, failed)
  return {
    failure,
    steps: statuses.flatMap(({ step }) =>
      step === undefined ? [] : [`${step.number}/${step.total} ${step.instruction}`]
    ),
    log: statuses.flatMap(({ step, stream }) => step === undefined ? [stream ?? ""] : []).join("")
  }
}

const everyCut = (text: string, said: string, failed?: boolean) => {
  const whole = read(text, [said], failed)
  for (let cut = 1; cut < said.length; cut++) {
    expect(read(text, [said.slice(0, cut), said.slice(cut)], failed)).toEqual(whole)
  }
  expect(read(text, [...said], failed)).toEqual(whole)
  return whole
}

describe("what Buildah writes", () => {
  it("steps, and what they write", () => {
    const said = `STEP 1/3: FROM ${base}\nSTEP 2/3: RUN make\none\rtwo\r\nthree\nSTEP 3/3: LABEL "x"="y"\n` +
      "COMMIT\n--> 0123456789ab\n"
    expect(everyCut("FROM busybox:1\nRUN make\n", said, false)).toEqual({
      failure: "",
      steps: ["1/3 FROM busybox:1", "2/3 RUN make", "3/3 LABEL \"x\"=\"y\""],
      log: "one\rtwo\r\nthree\n"
    })
  })
  it("stages are one after the other", () => {
    const said = "[1/3] STEP 1/2: FROM a\n[1/3] STEP 2/2: RUN x\n[3/3] STEP 1/2: FROM c\n[3/3] STEP 2/2: COPY x y\n" +
      "[3/3] COMMIT\n"
    expect(read("FROM a\nRUN x\nFROM b\nRUN not needed\nFROM c\nCOPY x y", [said], false)).toEqual({
      failure: "",
      steps: ["1/6 FROM a", "2/6 RUN x", "5/6 FROM c", "6/6 COPY x y"],
      log: ""
    })
  })
  it("a step whose output has no end, and one that writes what looks like a step", () => {
    const said = "STEP 1/3: FROM a\nSTEP 2/3: RUN x\nSTEP 9/9: RUN no\nSTEP 2/3: RUN x\npartSTEP 3/3: RUN y\n"
    expect(everyCut("FROM a\nRUN x\nRUN y", said, false)).toEqual({
      failure: "",
      steps: ["1/3 FROM a", "2/3 RUN x", "3/3 RUN y"],
      log: "STEP 9/9: RUN no\nSTEP 2/3: RUN x\npart"
    })
  })
  it("a failure is what it says last", () => {
    const said = "STEP 1/2: FROM a\nSTEP 2/2: RUN x\nError: of the step\nmore\nxsubprocess exited with status 7\n" +
      "subprocess exited with status 7\nError: building at STEP \"RUN x\": exit status 7\n"
    expect(everyCut("FROM a\nRUN x", said)).toEqual({
      failure: "building at STEP \"RUN x\": exit status 7",
      steps: ["1/2 FROM a", "2/2 RUN x"],
      log: "Error: of the step\nmore\nx"
    })
  })
  it("a failure of several lines", () => {
    expect(read("FROM a", ["Error: 1 error occurred:\n\t* bad\n\n"]).failure).toBe("1 error occurred:\n\t* bad")
    expect(read("FROM a", ["STEP 1/1: FROM a\nError: harmless\n"], false)).toMatchObject({
      failure: "",
      log: "Error: harmless\n"
    })
  })
  it("what has no end is passed on", () => {
    const long = "x".repeat(200_000)
    expect(read("FROM a", ["STEP 1/1: FROM a\n", long], false).log).toBe(long)
  })
})

describe("why it failed", () => {
  it.each(
    [
      ["building at STEP \"RUN exit 7\": exit status 7", 7, "Internal", 7],
      [
        "building at STEP \"RUN cat: no such file or directory\": while running runtime: exit status 1",
        1,
        "Internal",
        1
      ],
      [
        "building at STEP \"COPY not-there /file\": checking on sources under \"/x\": copier: stat: \"/not-there\": no such file or directory",
        125,
        "NotFound",
        125
      ],
      [
        "building at STEP \"NOPE \": Build error: Unknown instruction: \"NOPE\" &imagebuilder.Step{Env:[]string{}}",
        125,
        "InvalidArgument",
        125
      ],
      ["building at STEP \"ENV \": ENV requires at least one argument", 125, "InvalidArgument", 125],
      ["creating build container: nosuch/base:1: image not known", 125, "NotFound", 125],
      ["the target \"nope\" was not found in the provided Dockerfile", 125, "InvalidArgument", 125],
      ["no FROM statement found", 125, "InvalidArgument", 125],
      ["committing container: write /x: no space left on device", 125, "ResourceExhausted", 125],
      ["", 125, "Internal", 125]
    ] as const
  )("%s", (text, exit, tag, code) => {
    const error = Failure.of(text, exit)
    expect([error._tag, error.code]).toEqual([tag, code])
    expect(error.message).not.toMatch(/imagebuilder/)
    expect(error.message).not.toBe("")
  })
})
