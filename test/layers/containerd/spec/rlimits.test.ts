import { assert, describe, it } from "@effect/vitest"
import { encode, fromJson, rlimits } from "effect-containers/layers/containerd/spec/rlimits"

const process = {
  terminal: false,
  user: { uid: 0, gid: 0, additionalGids: [] },
  args: ["echo", "\"soft\":-1,", "\"hard\":-1}"],
  env: [],
  cwd: "/"
}

const textOf = (spec: Parameters<typeof encode>[0]) => new TextDecoder().decode(encode(spec))

describe("limits of a process, as the runtime reads them", () => {
  it("no limit is the greatest number that the kernel has", () => {
    const text = textOf({ ...process, rlimits: rlimits([{ name: "core", soft: 0, hard: "unlimited" }]) })
    assert.include(text, "{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":18446744073709551615}")
  })

  it("what is only written like a limit stays as it is", () => {
    assert.deepStrictEqual(JSON.parse(textOf(process)), process)
  })

  it("what is read back and written again is the same", () => {
    const limits = rlimits([
      { name: "nofile", soft: 300, hard: 400 },
      { name: "memlock", soft: "unlimited", hard: "unlimited" }
    ])
    const text = textOf({ ...process, rlimits: limits })
    const read = JSON.parse(text) as { readonly rlimits: typeof limits }
    assert.strictEqual(textOf({ ...process, rlimits: fromJson(read.rlimits) }), text)
  })
})
