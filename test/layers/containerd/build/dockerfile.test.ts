import * as Dockerfile from "effect-containers/layers/containerd/build/dockerfile"
import { parse, position, renamed } from "effect-containers/layers/containerd/build/dockerfile"
import { expand, words } from "effect-containers/layers/containerd/build/expand"
import { describe, expect, it } from "vitest"

const instructions = (text: string) => Dockerfile.instructions(text).map(({ text }) => text)

const read = (text: string, more: Partial<Parameters<typeof parse>[1]> = {}) =>
  parse(text, { args: {}, variables: {}, target: undefined, platform: undefined, ...more })

const bases = (text: string, more?: Partial<Parameters<typeof parse>[1]>) =>
  read(text, more).stages.map(({ base }) => base?.name)

describe("instructions", () => {
  it("are whole lines, whatever is between", () => {
    expect(instructions("# comment\n\n  FROM a\r\nRUN one \\\n# comment\n\n  && two\nCMD x\\")).toEqual([
      "FROM a",
      "RUN one   && two",
      "CMD x"
    ])
  })
  it("another escape", () => {
    expect(instructions("# escape=`\nFROM a\nRUN a`\n b\nRUN c\\\nRUN d")).toEqual([
      "FROM a",
      "RUN a b",
      "RUN c\\",
      "RUN d"
    ])
    // Only before everything else.
    expect(instructions("\n# escape=`\nRUN a`\nRUN b")).toEqual(["RUN a`", "RUN b"])
  })
  it("here-documents are no instructions", () => {
    const text =
      "RUN <<EOF cat >x\nFROM no\nEOF\nCOPY <<-'A' <<B /to\n\tFROM no\n\tA\nFROM no\nB\nRUN cat <<< EOF\nCMD x"
    expect(instructions(text)).toEqual([
      "RUN <<EOF cat >x",
      "COPY <<-'A' <<B /to",
      "RUN cat <<< EOF",
      "CMD x"
    ])
    expect(instructions("RUN a << 1\nRUN echo <<EOF\nCMD x")).toEqual(["RUN a << 1", "RUN echo <<EOF", "CMD x"])
  })
})

describe("what is built on", () => {
  it("stages, scratch and images", () => {
    expect(bases("FROM a AS One\nFROM scratch\nFROM one\nfrom --platform=linux/arm64 b:1 as two\nFROM 0")).toEqual([
      "a",
      undefined,
      undefined,
      "b:1",
      undefined
    ])
  })
  it("variables", () => {
    const text = "ARG V=1 W\nARG X=${V}x\nFROM a:$V\nARG V=9\nFROM b:${X}-${W:-none}-${Z:+no}\nFROM c:${W}"
    expect(bases(text)).toEqual(["a:1", "b:1x-none-", "c:"])
    expect(bases(text, { args: { V: "2", W: "w", Z: "not declared" } })).toEqual(["a:2", "b:2x-w-", "c:w"])
  })
  it("the machine's", () => {
    const [stage] = read("FROM --platform=$BUILDPLATFORM a-$TARGETARCH", {
      variables: { BUILDPLATFORM: "linux/amd64", TARGETARCH: "arm64" },
      platform: "linux/arm64"
    }).stages
    expect(stage?.base).toEqual({ name: "a-arm64", platform: "linux/amd64" })
  })
  it("as far as the target", () => {
    const text = "FROM a AS one\nFROM b AS two\nFROM c"
    expect(bases(text, { target: "ONE" })).toEqual(["a"])
    expect(bases(text, { target: "1" })).toEqual(["a", "b"])
    expect(bases(text, { target: "none" })).toEqual(["a", "b", "c"])
  })
  it("what files are taken from", () => {
    const text = `FROM a AS one
FROM b
COPY --chown=1:1 --from=one /x /x
COPY --from=0 /x /x
COPY --from=tools:1 --chmod=755 /x /x
RUN --mount=type=cache,target=/c --mount=type=bind,from=other,target=/o --mount=type=bind,from=one make --mount=from=no
RUN echo --from=no
`
    expect(read(text).stages[1]?.sources.map(({ name }) => name)).toEqual(["tools:1", "other"])
  })
  it("steps are counted through all stages", () => {
    const dockerfile = read("ARG A\nFROM a\nRUN x\nFROM b\nRUN y\nRUN z\n")
    expect(position(dockerfile, 0)).toEqual({ first: 1, total: 5 })
    expect(position(dockerfile, 1)).toEqual({ first: 3, total: 5 })
  })
  it("under other names", () => {
    const text =
      "ARG V=1\nFROM \\\n# which\n  --platform=$P a:$V AS one # no comment\n\nRUN x\nfrom one\nFROM b\nCOPY --from=a:1 x x\n"
    expect(renamed(read(text), new Map([["a:1", "here/a"], ["b", "here/b"]]))).toBe(
      "ARG V=1\nFROM --platform=$P here/a AS one # no comment\n\nRUN x\nfrom one\nFROM here/b\nCOPY --from=a:1 x x\n"
    )
    expect(renamed(read(text), new Map())).toBe(text)
  })
  it("nonsense is somebody else's to refuse", () => {
    for (const text of ["", "RUN x", "FROM", "FROM \nFROM as", "ARG\nARG =\nFROM ${", "\\\n\\\n"]) {
      expect(() => read(text)).not.toThrow()
    }
  })
})

describe("words", () => {
  const variables = new Map([["A", "1"], ["EMPTY", ""]])
  it.each([
    ["$A-${A}", "1-1"],
    ["'$A'\"$A\"", "$A1"],
    ["\\$A", "$A"],
    ["${NO:-x}${NO-y}${A:-z}", "xy1"],
    ["${EMPTY:-x}${EMPTY-y}", "x"],
    ["${A:+x}${NO:+y}${EMPTY+z}", "xz"],
    ["${NO:-$A}", "1"],
    ["${NO:-${A}}", "1"],
    ["$", "$"]
  ])("%s", (word, value) => expect(expand(word, variables)).toBe(value))
  it("are held together by quotes", () => {
    expect(words("a=\"x y\" 'b c'd  e")).toEqual(["a=\"x y\"", "'b c'd", "e"])
  })
})
