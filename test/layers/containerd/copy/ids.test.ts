import { assert, describe, it } from "@effect/vitest"
import { ofUser, parse } from "effect-containers/layers/containerd/copy/ids"

describe("numbers of users", () => {
  const ids = parse("         0      53171          1\n         1      63171      65536\n")

  it("there and here", () => {
    assert.deepStrictEqual([0, 1, 1000, 65536, 65537].map(ids.outside), [53_171, 63_171, 64_170, 128_706, undefined])
    assert.deepStrictEqual([53_171, 63_171, 0].map(ids.inside), [0, 1, 65_534])
  })

  it("what is a user's is root's where the user is root", () => {
    const his = ofUser(ids, 53_171)
    assert.deepStrictEqual([0, 53_171, 1000].map(his.outside), [53_171, 53_171, 64_170])
    assert.strictEqual(his.inside(53_171), 0)
  })

  it("and nowhere else", () => {
    for (const [map, own] of [["0 0 4294967295", 1000], ["0 0 4294967295", 0], ["0 100000 65536", 1000]] as const) {
      assert.strictEqual(ofUser(parse(map), own).outside(1000), parse(map).outside(1000))
    }
  })
})
