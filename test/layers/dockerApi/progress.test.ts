import { assert, describe, it } from "@effect/vitest"
import { Progress } from "effect-containers"
import * as Build from "effect-containers/layers/dockerApi/build"
import { loadedOf } from "effect-containers/layers/dockerApi/images"
import * as Schemas from "effect-containers/layers/dockerApi/schemas"
import * as Transfer from "effect-containers/layers/dockerApi/transfer"
import * as Result from "effect/Result"

const message = (line: string): Schemas.Message => Result.getOrThrow(Schemas.message(JSON.parse(line)))
const pulled = (line: string) => Transfer.statusOf(message(line))
const built = (line: string) => Build.statusOf(message(line))

describe("a pull's and a push's lines", () => {
  for (
    const [words, phase] of [
      ["Pulling fs layer", "Waiting"],
      ["Waiting", "Waiting"],
      ["Retrying in 4 seconds", "Waiting"],
      ["Downloading", "Downloading"],
      ["Verifying Checksum", "Verifying"],
      ["Download complete", "Downloaded"],
      ["Extracting", "Extracting"],
      ["Pull complete", "Complete"],
      ["Already exists", "Exists"],
      ["Preparing", "Waiting"],
      ["Pushing", "Pushing"],
      ["Pushed", "Complete"],
      ["Layer already exists", "Exists"],
      ["Mounted from team/base", "Exists"]
    ] as const
  ) {
    it(`${words} -> ${phase}`, () => {
      const status = pulled(JSON.stringify({ status: words, progressDetail: {}, id: "9f3a" }))
      assert.deepStrictEqual(status, new Progress.PullStatus({ id: "9f3a", phase, status: words }))
    })
  }

  it("bytes, known or not", () => {
    assert.deepStrictEqual(
      pulled(
        "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":10,\"total\":40},\"progress\":\"[=> ]\",\"id\":\"a\"}"
      ),
      new Progress.PullStatus({ id: "a", phase: "Downloading", status: "Downloading", current: 10, total: 40 })
    )
    assert.deepStrictEqual(
      pulled("{\"status\":\"Pushing\",\"progressDetail\":{\"current\":10,\"total\":-1},\"id\":\"a\"}"),
      new Progress.PullStatus({ id: "a", phase: "Pushing", status: "Pushing", current: 10 })
    )
  })

  it("seconds are no bytes", () => {
    assert.deepStrictEqual(
      pulled("{\"status\":\"Extracting\",\"progressDetail\":{\"current\":3,\"units\":\"s\"},\"id\":\"a\"}"),
      new Progress.PullStatus({ id: "a", phase: "Extracting", status: "Extracting" })
    )
  })

  it("what is not about a layer", () => {
    for (const [status, id] of [["Pulling from library/gcc", "14"], ["Digest: sha256:0a", undefined], ["Odd", "b"]]) {
      assert.deepStrictEqual(
        pulled(JSON.stringify({ status, id })),
        new Progress.PullStatus({ phase: "Message", status: status! })
      )
    }
    assert.isUndefined(pulled("{\"aux\":{\"Tag\":\"1\",\"Size\":3}}"))
  })

  it("a failure in the middle of a success", () => {
    const failure = Transfer.failureOf(
      "pull",
      message("{\"errorDetail\":{\"message\":\"toomanyrequests: slow down\"},\"error\":\"toomanyrequests: slow down\"}")
    )
    assert.strictEqual(failure?._tag, "ResourceExhausted")
    assert.isUndefined(Transfer.failureOf("pull", message("{\"status\":\"Pulling\"}")))
  })
})

describe("a build's lines", () => {
  it("a step begins, in Docker's words and in Podman's", () => {
    assert.deepStrictEqual(
      built("{\"stream\":\"Step 2/5 : RUN make  all\\n\"}"),
      new Progress.BuildStatus({
        stream: "Step 2/5 : RUN make  all\n",
        step: { number: 2, total: 5, instruction: "RUN make  all" }
      })
    )
    assert.deepStrictEqual(built("{\"stream\":\"STEP 1/2: FROM busybox\\n\"}")?.step, {
      number: 1,
      total: 2,
      instruction: "FROM busybox"
    })
  })

  it("output is output, also when it looks like a step", () => {
    assert.deepStrictEqual(
      built("{\"stream\":\" Step 1/2 : no\\n\"}"),
      new Progress.BuildStatus({ stream: " Step 1/2 : no\n" })
    )
  })

  it("the image that was made, and other asides", () => {
    assert.deepStrictEqual(
      built("{\"aux\":{\"ID\":\"sha256:ab\"}}"),
      new Progress.BuildStatus({ imageId: "sha256:ab" })
    )
    assert.isUndefined(built("{\"aux\":\"AAAA\"}"))
  })

  it("the base image's pull", () => {
    assert.deepStrictEqual(
      built("{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1,\"total\":2},\"id\":\"a\"}"),
      new Progress.BuildStatus({ status: "Downloading", id: "a", current: 1, total: 2 })
    )
  })
})

it("the names that a load brings", () => {
  assert.deepStrictEqual(loadedOf("Loaded image: busybox:test\n"), ["busybox:test"])
  assert.deepStrictEqual(loadedOf("Loaded image ID: sha256:ab\n"), ["sha256:ab"])
  assert.deepStrictEqual(loadedOf("Loaded image(s): localhost/a:1,localhost/b:2\n"), ["localhost/a:1", "localhost/b:2"])
  assert.deepStrictEqual(loadedOf("Loading layer"), [])
})
