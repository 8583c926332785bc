import { assert, describe, it } from "@effect/vitest"
import { Equal, Result } from "effect"
import * as Filter from "effect-containers/Filter"
import * as fc from "fast-check"

const ok = (result: Result.Result<boolean, Filter.Refusal>): boolean => Result.getOrThrow(result)

const every = (...filters: ReadonlyArray<Filter.Filter>): Filter.Filter =>
  filters.reduce((sum, filter) => Filter.and(sum, filter), Filter.all)

const web: Filter.ContainerFacts = {
  id: "4f1c2d3e4f5a",
  name: "web-1",
  image: "nginx",
  imageId: `sha256:${"ab".repeat(32)}`,
  labels: { tier: "front", empty: "", eq: "a=b" },
  status: "running"
}

describe("Filter", () => {
  it("collects the values of a key, each once", () => {
    const filter = every(Filter.label("a", "1"), Filter.status("running"), Filter.label("b"), Filter.label("a", "1"))
    assert.deepStrictEqual(Filter.toRecord(filter), { label: ["a=1", "b"], status: ["running"] })
    assert.deepStrictEqual(Filter.toRecord(Filter.all), {})
    assert.deepStrictEqual(Object.keys(Filter.toRecord(Filter.make("__proto__", "x"))), ["__proto__"])
  })

  it("is a value: equal terms, equal filters; joining changes neither part", () => {
    const one = Filter.label("a")
    const both = one.pipe(Filter.and(Filter.name("x")))
    assert.isTrue(Equal.equals(both, every(Filter.label("a"), Filter.name("x"))))
    assert.deepStrictEqual(one.terms, [{ key: "label", value: "a" }])
    assert.isTrue(Equal.equals(Filter.and(one, Filter.all), one))
  })

  it("has the engines' keys", () => {
    const filter = every(
      Filter.id("1"),
      Filter.name("n"),
      Filter.exited(3),
      Filter.ancestor("gcc"),
      Filter.reference("gcc:*"),
      Filter.dangling(false),
      Filter.type("container"),
      Filter.event("die"),
      Filter.container("c")
    )
    assert.deepStrictEqual(Filter.toRecord(filter), {
      id: ["1"],
      name: ["n"],
      exited: ["3"],
      ancestor: ["gcc"],
      reference: ["gcc:*"],
      dangling: ["false"],
      type: ["container"],
      event: ["die"],
      container: ["c"]
    })
  })

  describe("matchContainer", () => {
    const cases: ReadonlyArray<readonly [string, Filter.Filter, boolean]> = [
      ["all", Filter.all, true],
      ["the beginning of an id", Filter.id("4f1c"), true],
      ["another id", Filter.id("1c2d"), false],
      ["a part of a name", Filter.name("eb"), true],
      ["a whole name", Filter.name("^/web-1$"), true],
      ["a name that is longer", Filter.name("^/web$"), false],
      ["a label", Filter.label("tier"), true],
      ["a label that is not there", Filter.label("toString"), false],
      ["a label's value", Filter.label("tier", "front"), true],
      ["a label's empty value", Filter.label("tier", ""), false],
      ["an empty value that is there", Filter.label("empty", ""), true],
      ["a value with an equals sign", Filter.label("eq", "a=b"), true],
      ["labels must all hold", every(Filter.label("tier"), Filter.label("missing")), false],
      ["of two states one is enough", every(Filter.status("exited"), Filter.status("running")), true],
      ["different keys must all hold", every(Filter.status("running"), Filter.name("db")), false],
      ["its image", Filter.ancestor("docker.io/library/nginx:latest"), true],
      ["its image's id", Filter.ancestor("abababababab"), true],
      ["its image's whole id", Filter.ancestor(`sha256:${"ab".repeat(32)}`), true],
      ["another tag", Filter.ancestor("nginx:1"), false],
      ["an exit code while it runs", Filter.exited(0), false]
    ]
    for (const [what, filter, expected] of cases) {
      it(`${what}`, () => assert.strictEqual(ok(Filter.matchContainer(filter, web)), expected))
    }

    it("an exit code when it has ended", () => {
      const ended: Filter.ContainerFacts = { ...web, status: "exited", exitCode: 3 }
      assert.isTrue(ok(Filter.matchContainer(Filter.exited(3), ended)))
      assert.isFalse(ok(Filter.matchContainer(Filter.exited(0), ended)))
    })

    it("refuses what it does not know, even if another term does not hold", () => {
      const refused = (filter: Filter.Filter) =>
        Result.getOrThrow(Result.flip(Filter.matchContainer(Filter.and(Filter.name("nobody"), filter), web)))
      assert.deepStrictEqual(refused(Filter.make("colour", "red")).key, "colour")
      assert.match(refused(Filter.make("colour", "red")).issue, /known are id, name, label/)
      assert.match(refused(Filter.make("status", "bogus")).issue, /one of created, running/)
      assert.match(refused(Filter.make("exited", "x")).issue, /an exit code/)
      assert.match(refused(Filter.name("(")).issue, /not a regular expression/)
      assert.strictEqual(refused(Filter.dangling(true)).key, "dangling")
    })

    it("and narrows for different keys, widens for one", () => {
      const state = fc.constantFrom<Filter.Status>("running", "exited", "paused")
      const facts = fc.record({
        name: fc.constantFrom("a", "b", "ab"),
        status: state,
        label: fc.constantFrom("x", "y")
      })
        .map(({ label, name, status }): Filter.ContainerFacts => ({ ...web, name, status, labels: { [label]: "1" } }))
      const term = fc.oneof(
        state.map(Filter.status),
        fc.constantFrom("a", "b").map((name) => Filter.name(name)),
        fc.constantFrom("x", "y").map((name) => Filter.label(name))
      )
      fc.assert(fc.property(facts, term, term, (container, one, two) => {
        const [a, b] = [ok(Filter.matchContainer(one, container)), ok(Filter.matchContainer(two, container))]
        const key = one.terms[0]!.key
        const isEither = key === two.terms[0]!.key && key !== "label"
        assert.strictEqual(ok(Filter.matchContainer(Filter.and(one, two), container)), isEither ? a || b : a && b)
      }))
    })
  })

  describe("matchImage", () => {
    const image: Filter.ImageFacts = {
      references: ["docker.io/library/gcc:14", "r.example:5000/team/app:v1"],
      labels: { a: "1" }
    }
    const cases: ReadonlyArray<readonly [string, Filter.Filter, boolean]> = [
      ["a name", Filter.reference("gcc"), true],
      ["a name and tag", Filter.reference("gcc:14"), true],
      ["another tag", Filter.reference("gcc:13"), false],
      ["a pattern", Filter.reference("g?c:*"), true],
      ["a class", Filter.reference("[f-h]cc"), true],
      ["a star that would have to cross a slash", Filter.reference("r.example:5000/*"), false],
      ["a star for each part", Filter.reference("*/team/*:v1"), true],
      ["a part of a name", Filter.reference("gc"), false],
      ["of two references one is enough", every(Filter.reference("nope"), Filter.reference("gcc")), true],
      ["a label", every(Filter.label("a", "1"), Filter.reference("gcc")), true],
      ["not dangling", Filter.dangling(false), true],
      ["dangling", Filter.dangling(true), false]
    ]
    for (const [what, filter, expected] of cases) {
      it(`${what}`, () => assert.strictEqual(ok(Filter.matchImage(filter, image)), expected))
    }

    it("takes an image without references as dangling, unless told", () => {
      const bare = { references: [], labels: {} }
      assert.isTrue(ok(Filter.matchImage(Filter.dangling(true), bare)))
      assert.isFalse(ok(Filter.matchImage(Filter.dangling(true), { ...bare, dangling: false })))
      assert.isFalse(ok(Filter.matchImage(Filter.reference("*"), bare)))
    })

    it("refuses what it does not know", () => {
      const refused = (filter: Filter.Filter) => Result.getOrThrow(Result.flip(Filter.matchImage(filter, image)))
      assert.strictEqual(refused(Filter.status("running")).key, "status")
      assert.match(refused(Filter.make("dangling", "maybe")).issue, /true or false/)
      assert.match(refused(Filter.reference("[")).issue, /has a "\[" without its "\]"/)
    })
  })

  it("matchEvent", () => {
    const died: Filter.EventFacts = {
      type: "container",
      action: "die",
      id: "4f1c2d",
      attributes: { name: "web", image: "nginx:1", tier: "front" }
    }
    const matches = (filter: Filter.Filter, facts = died) => ok(Filter.matchEvent(filter, facts))
    assert.isTrue(matches(every(Filter.type("container"), Filter.event("start"), Filter.event("die"))))
    assert.isTrue(matches(every(Filter.container("4f1c"), Filter.label("tier", "front"))))
    assert.isTrue(matches(Filter.container("web")))
    assert.isTrue(matches(Filter.make("image", "docker.io/library/nginx:1")))
    assert.isFalse(matches(Filter.make("image", "nginx:2")))
    assert.isFalse(matches(Filter.event("di")))
    assert.isTrue(matches(Filter.event("exec_create"), { ...died, action: "exec_create: ls" }))
    assert.isTrue(
      matches(Filter.make("image", "gcc:14"), {
        type: "image",
        action: "pull",
        id: "gcc:14",
        attributes: { name: "gcc" }
      })
    )
    assert.isFalse(
      matches(Filter.container("gcc"), { type: "image", action: "pull", id: "gcc:14", attributes: { name: "gcc" } })
    )
    assert.isTrue(Result.isFailure(Filter.matchEvent(Filter.name("x"), died)))
  })
})
