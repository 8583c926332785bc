import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Result, Stream } from "effect"
import * as BuildContext from "effect-containers/BuildContext"
import * as Wildcard from "effect-containers/buildContext/wildcard"
import { Tar } from "effect/encoding"
import * as fc from "fast-check"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Zlib from "node:zlib"
import * as TarStream from "tar-stream"

const image = "app:1"

const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "context-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

/** A directory with these files, and a Dockerfile unless there is one among them. */
const directory = (files: Readonly<Record<string, string>>) =>
  Effect.map(temporary, (root) => {
    for (const [name, text] of Object.entries({ Dockerfile: "FROM scratch\n", ...files })) {
      Fs.mkdirSync(Path.dirname(Path.join(root, name)), { recursive: true })
      Fs.writeFileSync(Path.join(root, name), text)
    }
    return root
  })

const pack = (context: BuildContext.BuildContext) =>
  Effect.map(Stream.runCollect(BuildContext.toTar(context, { image })), (chunks) => Buffer.concat(chunks))

const refusal = (context: BuildContext.BuildContext) =>
  Effect.map(Effect.flip(pack(context)), (error) => {
    assert.deepStrictEqual([error._tag, error.image], ["ImageOptions", image])
    return `${error.field}: ${error.issue}`
  })

/** What a reader of tar archives that is not the writer's own sees. */
const unpack = (archive: Uint8Array) =>
  Effect.promise(async () => {
    const extract = TarStream.extract()
    extract.end(Buffer.from(archive))
    const entries: Array<TarStream.Header & { readonly bytes: Buffer }> = []
    for await (const entry of extract) {
      const chunks: Array<Buffer> = []
      for await (const chunk of entry) {
        assert.instanceOf(chunk, Uint8Array)
        if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk))
      }
      entries.push({ ...entry.header, bytes: Buffer.concat(chunks) })
    }
    return entries
  })

const packed = (context: BuildContext.BuildContext) => Effect.flatMap(pack(context), unpack)

const names = (context: BuildContext.BuildContext) =>
  Effect.map(packed(context), (entries) => entries.map((entry) => entry.name))

const project = [
  ".git/config",
  "Dockerfile",
  "README.md",
  "a.txt",
  "docs/README.md",
  "docs/api/index.md",
  "docs/api/v1.html",
  "f+o (1).txt",
  "node_modules/x/README.md",
  "node_modules/x/index.js",
  "src/lib/util.c",
  "src/lib/util.o",
  "src/main.c",
  "src/main.o"
]

/** An ignore file, and what the docker client (28.5, classic builder) does not send because of it. */
const ignored: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["*\n!src\n", [
    ".git/config",
    "README.md",
    "a.txt",
    "docs/README.md",
    "docs/api/index.md",
    "docs/api/v1.html",
    "f+o (1).txt",
    "node_modules/x/README.md",
    "node_modules/x/index.js"
  ]],
  ["*\n!src/**\n!Dockerfile\n", [
    ".git/config",
    "README.md",
    "a.txt",
    "docs/README.md",
    "docs/api/index.md",
    "docs/api/v1.html",
    "f+o (1).txt",
    "node_modules/x/README.md",
    "node_modules/x/index.js"
  ]],
  ["**/*.o\n.git\n", [".git/config", "src/lib/util.o", "src/main.o"]],
  ["*.md\n!README.md\n", []],
  ["**/*.md\n!docs/**\n", ["README.md", "node_modules/x/README.md"]],
  ["docs\n!docs/*.md\n", ["docs/api/index.md", "docs/api/v1.html"]],
  ["docs\n!docs/api/index.md\n", ["docs/README.md", "docs/api/v1.html"]],
  ["docs\n!**/*.md\n", ["docs/README.md", "docs/api/index.md", "docs/api/v1.html"]],
  ["node_modules\n!**/README.md\n", ["node_modules/x/README.md", "node_modules/x/index.js"]],
  ["src/lib/\n", ["src/lib/util.c", "src/lib/util.o"]],
  ["/src\n", ["src/lib/util.c", "src/lib/util.o", "src/main.c", "src/main.o"]],
  ["./docs/../src\n", ["src/lib/util.c", "src/lib/util.o", "src/main.c", "src/main.o"]],
  ["# comment\n  docs  \n\n#src\n", ["docs/README.md", "docs/api/index.md", "docs/api/v1.html"]],
  ["*/*.md\n", ["docs/README.md"]],
  ["*/*/*.md\n", ["docs/api/index.md", "node_modules/x/README.md"]],
  ["src/*\n!src/lib\n", ["src/main.c", "src/main.o"]],
  ["src/**/util.?\n", ["src/lib/util.c", "src/lib/util.o"]],
  ["src/[a-l]*\n", ["src/lib/util.c", "src/lib/util.o"]],
  ["src/[^a-l]*\n", ["src/main.c", "src/main.o"]],
  ["**\n", [
    ".git/config",
    "README.md",
    "a.txt",
    "docs/README.md",
    "docs/api/index.md",
    "docs/api/v1.html",
    "f+o (1).txt",
    "node_modules/x/README.md",
    "node_modules/x/index.js",
    "src/lib/util.c",
    "src/lib/util.o",
    "src/main.c",
    "src/main.o"
  ]],
  ["**\n!docs/api/**\n", [
    ".git/config",
    "README.md",
    "a.txt",
    "docs/README.md",
    "f+o (1).txt",
    "node_modules/x/README.md",
    "node_modules/x/index.js",
    "src/lib/util.c",
    "src/lib/util.o",
    "src/main.c",
    "src/main.o"
  ]],
  ["Dockerfile\n.dockerignore\n", []],
  ["!README.md\n*.md\n", ["README.md"]],
  ["f+o (1).txt\n", ["f+o (1).txt"]],
  ["\\#x\nsrc/main\\.c\n", ["src/main.c"]],
  ["**main.o\n", ["src/main.o"]],
  ["doc**\n", ["docs/README.md", "docs/api/index.md", "docs/api/v1.html"]],
  ["! docs\n*\n!  docs\n", [
    ".git/config",
    "README.md",
    "a.txt",
    "f+o (1).txt",
    "node_modules/x/README.md",
    "node_modules/x/index.js",
    "src/lib/util.c",
    "src/lib/util.o",
    "src/main.c",
    "src/main.o"
  ]],
  ["../src\n", []],
  ["SRC\n", []],
  ["docs/api\n!docs\n", ["docs/api/index.md", "docs/api/v1.html"]],
  ["docs/**\n!docs/api\n**/*.html\n", ["docs/README.md", "docs/api/v1.html"]],
  ["\ufeffdocs\r\nsrc\r\n", [
    "docs/README.md",
    "docs/api/index.md",
    "docs/api/v1.html",
    "src/lib/util.c",
    "src/lib/util.o",
    "src/main.c",
    "src/main.o"
  ]]
]

describe("fromDirectory", () => {
  describe("honours .dockerignore as the docker client does", () => {
    for (const [text, left] of ignored) {
      it.effect(JSON.stringify(text), () =>
        Effect.gen(function*() {
          const files = Object.fromEntries(project.map((name) => [name, "x"]))
          const root = yield* directory({ ...files, ".dockerignore": text })
          const entries = yield* packed(BuildContext.fromDirectory(root))
          const sent = new Set(entries.filter((entry) => entry.type === "file").map((entry) => entry.name))
          assert.isTrue(sent.has("Dockerfile") && sent.has(".dockerignore"))
          assert.deepStrictEqual(project.filter((name) => !sent.has(name)).sort(), left)
        }))
    }
  })

  it.effect("prefers the ignore file of the Dockerfile", () =>
    Effect.gen(function*() {
      const root = yield* directory({
        "a": "",
        "b": "",
        "docker/prod": "FROM scratch\n",
        "docker/prod.dockerignore": "a\ndocker\n",
        ".dockerignore": "b\n"
      })
      const dockerfile = "./docker/prod"
      assert.deepStrictEqual(yield* names(BuildContext.fromDirectory(root, { dockerfile })), [
        ".dockerignore",
        "Dockerfile",
        "b",
        "docker/prod"
      ])
      assert.isFalse((yield* names(BuildContext.fromDirectory(root))).includes("b"))
    }))

  it.effect("says which line of an ignore file is wrong", () =>
    Effect.gen(function*() {
      const lines: ReadonlyArray<readonly [string, RegExp]> = [
        ["a[", /without its "\]"/],
        ["!", /without a pattern/],
        ["[]", /empty or unfinished range/],
        ["x\\", /escapes nothing/],
        ["[a-]", /unfinished range/],
        ["[z-a]", /runs backwards/]
      ]
      for (const [line, issue] of lines) {
        const root = yield* directory({ ".dockerignore": `# fine\n\n${line}\n` })
        const said = yield* refusal(BuildContext.fromDirectory(root))
        assert.match(said, /^dockerignore: "\.dockerignore": line 3/)
        assert.match(said, issue)
      }
    }))

  it.effect("keeps links, modes, times and empty directories, and gives everything to root", () =>
    Effect.gen(function*() {
      const root = yield* directory({ "run.sh": "#!/bin/sh\n", "docs/a": "a" })
      const at = (name: string) => Path.join(root, name)
      Fs.mkdirSync(at("empty"), { mode: 0o700 })
      Fs.symlinkSync("docs/a", at("link"))
      Fs.symlinkSync("docs", at("linked"))
      Fs.symlinkSync("/nowhere", at("dangling"))
      Fs.linkSync(at("run.sh"), at("same.sh"))
      Fs.chmodSync(at("run.sh"), 0o4751)
      Fs.chmodSync(at("empty"), 0o700)
      Fs.utimesSync(at("run.sh"), 1_000_000_000, 1_000_000_000)
      const entries = yield* packed(BuildContext.fromDirectory(root))
      assert.deepStrictEqual(
        entries.map(({ linkname, name, type }) => [name, type, linkname ?? ""]),
        [
          ["Dockerfile", "file", ""],
          ["dangling", "symlink", "/nowhere"],
          ["docs/", "directory", ""],
          ["docs/a", "file", ""],
          ["empty/", "directory", ""],
          ["link", "symlink", "docs/a"],
          ["linked", "symlink", "docs"],
          ["run.sh", "file", ""],
          ["same.sh", "link", "run.sh"]
        ]
      )
      const of = (name: string) => entries.find((entry) => entry.name === name)!
      assert.strictEqual(of("run.sh").mode, 0o4751)
      assert.strictEqual(of("empty/").mode, 0o700)
      assert.strictEqual(of("run.sh").mtime.getTime(), 1_000_000_000_000)
      assert.isTrue(entries.every(({ gid, uid }) => uid === 0 && gid === 0))
    }))

  it.effect("carries names and contents of any length", () =>
    Effect.gen(function*() {
      const deep = `${"d".repeat(150)}/${"e".repeat(150)}/${"f".repeat(150)}`
      const sizes = [0, 1, 511, 512, 513, 128 * 1024, 128 * 1024 + 1, 3 * 1024 * 1024 + 7]
      const root = yield* directory({ [deep]: "deep", "größe ✓ 🦆.txt": "odd" })
      for (const size of sizes) Fs.writeFileSync(Path.join(root, `size-${size}`), Buffer.alloc(size, `${size}.`))
      const archive = yield* pack(BuildContext.fromDirectory(root))
      const entries = new Map((yield* unpack(archive)).map((entry) => [entry.name, entry.bytes]))
      assert.strictEqual(entries.get(deep)?.toString(), "deep")
      assert.strictEqual(entries.get("größe ✓ 🦆.txt")?.toString(), "odd")
      for (const size of sizes) {
        assert.isTrue(entries.get(`size-${size}`)?.equals(Buffer.alloc(size, `${size}.`)), `${size}`)
      }
      // the same directory gives the same archive, and a third reader agrees on it
      assert.isTrue(archive.equals(yield* pack(BuildContext.fromDirectory(root))))
      const listed = execFileSync("tar", ["-tf", "-", "--quoting-style=literal"], { input: archive }).toString()
      assert.deepStrictEqual(listed.trim().split("\n").sort(), [...entries.keys()].sort())
    }))

  it.effect("begins to send a file of 9 GiB without reading it", () =>
    Effect.gen(function*() {
      const size = 9 * 1024 ** 3
      const root = yield* directory({})
      const file = Fs.openSync(Path.join(root, "0-huge"), "w")
      Fs.ftruncateSync(file, size)
      Fs.closeSync(file)
      const first = yield* BuildContext.toTar(BuildContext.fromDirectory(root), { image }).pipe(
        Stream.pipeThroughChannel(Tar.decode()),
        Stream.map((entry) => [entry.header.path, entry.header.size]),
        Stream.take(1),
        Stream.runCollect
      )
      assert.deepStrictEqual(first, [["0-huge", size]])
    }))

  it.effect("leaves sockets out, refuses what a build cannot have, and does not look into what is ignored", () =>
    Effect.gen(function*() {
      const root = yield* directory({ ".dockerignore": "private\n", "private/x": "" })
      yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer()
          server.listen(Path.join(root, "sock"), () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      execFileSync("mkfifo", [Path.join(root, "private", "pipe")])
      assert.deepStrictEqual(yield* names(BuildContext.fromDirectory(root)), [".dockerignore", "Dockerfile"])
      Fs.mkdirSync(Path.join(root, "sub"))
      execFileSync("mkfifo", [Path.join(root, "sub", "pipe")])
      assert.match(yield* refusal(BuildContext.fromDirectory(root)), /^context: "sub\/pipe" is a named pipe/)
    }))

  it.effect("refuses a name that is not UTF-8", () =>
    Effect.gen(function*() {
      const root = yield* directory({})
      Fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]), "")
      assert.match(yield* refusal(BuildContext.fromDirectory(root)), /^context: the name of "caf\uFFFD" is not UTF-8/)
    }))

  it.effect("refuses what is not there before anything is sent", () =>
    Effect.gen(function*() {
      const root = yield* directory({ "sub/file": "x" })
      const elsewhere = yield* directory({})
      Fs.symlinkSync(Path.join(elsewhere, "Dockerfile"), Path.join(root, "outside"))
      Fs.symlinkSync("loop", Path.join(root, "loop"))
      const at = (dockerfile: string) => BuildContext.fromDirectory(root, { dockerfile })
      const expected: ReadonlyArray<readonly [BuildContext.BuildContext, RegExp]> = [
        [BuildContext.fromDirectory(`${root}/nope`), /^context: the directory ".*nope" does not exist$/],
        [BuildContext.fromDirectory(`${root}/Dockerfile`), /^context: ".*Dockerfile" is not a directory$/],
        [BuildContext.fromDirectory(""), /^context: must be the path of a directory/],
        [
          BuildContext.fromDirectory(`${root}/sub`),
          /^dockerfile: the file "Dockerfile" in the directory ".*" does not exist$/
        ],
        [at("sub"), /^dockerfile: "sub" in the directory ".*" is a directory$/],
        [at("../Dockerfile"), /^dockerfile: is outside of the context/],
        [at("sub/../../x"), /^dockerfile: is outside of the context/],
        [at("/etc/passwd"), /^dockerfile: must be relative to the context/],
        [at(""), /^dockerfile: must be the path of a file/],
        [at("a\0b"), /^dockerfile: must not contain NUL/],
        [at("outside"), /^dockerfile: "outside" is a link to ".*", which is outside of the context/],
        [at("loop"), /^dockerfile: the file "loop" .* too many symbolic links/]
      ]
      for (const [context, issue] of expected) {
        const exit = yield* Effect.exit(Effect.scoped(BuildContext.open(context, { image })))
        assert.isTrue(Exit.isFailure(exit))
        assert.match(yield* refusal(context), issue)
      }
    }))

  it.effect("follows a link to the directory, and sends a linked Dockerfile with what it points to", () =>
    Effect.gen(function*() {
      const root = yield* directory({ "docker/real": "FROM scratch\n", ".dockerignore": "docker\nDocker*\n" })
      Fs.symlinkSync("docker/real", Path.join(root, "Dockerfile.link"))
      const parent = yield* temporary
      Fs.symlinkSync(root, Path.join(parent, "there"))
      const context = BuildContext.fromDirectory(Path.join(parent, "there"), { dockerfile: "Dockerfile.link" })
      assert.deepStrictEqual(yield* names(context), [".dockerignore", "Dockerfile.link", "docker/real"])
    }))
})

describe("fromTar", () => {
  const archive = pack(BuildContext.fromDockerfile("FROM scratch\n"))
  const inPieces = (bytes: Uint8Array, size: number) =>
    Stream.fromIterable(
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
    )

  it.effect("sends an archive as it is, from bytes, a stream or a file", () =>
    Effect.gen(function*() {
      const bytes = yield* archive
      const file = Path.join(yield* temporary, "context.tar")
      Fs.writeFileSync(file, bytes)
      const long = Buffer.concat([bytes, Buffer.alloc(1 << 20)])
      for (
        const [source, expected] of [
          [bytes, bytes],
          [inPieces(bytes, 7), bytes],
          [inPieces(long, 65_536), long],
          [{ path: file }, bytes]
        ] as const
      ) {
        assert.isTrue((yield* pack(BuildContext.fromTar(source))).equals(expected))
      }
    }))

  it.effect("takes what tar(1) writes, and compressed archives", () =>
    Effect.gen(function*() {
      const root = yield* directory({ "file": "x".repeat(100_000) })
      for (const format of ["gnu", "pax", "ustar", "v7", "oldgnu"]) {
        const bytes = execFileSync("tar", [`--format=${format}`, "-cf", "-", "-C", root, "."])
        assert.isTrue((yield* pack(BuildContext.fromTar(bytes))).equals(bytes), format)
      }
      const bytes = yield* archive
      for (
        const compressed of [
          Zlib.gzipSync(bytes),
          Zlib.zstdCompressSync(bytes),
          Buffer.from("BZh91AY&SY"),
          Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0])
        ]
      ) {
        assert.isTrue((yield* pack(BuildContext.fromTar(compressed))).equals(compressed))
        assert.isTrue((yield* pack(BuildContext.fromTar(inPieces(compressed, 3)))).equals(compressed))
      }
    }))

  it.effect("refuses what is no archive before anything is sent", () =>
    Effect.gen(function*() {
      const bytes = yield* archive
      const wrong = Buffer.from(bytes)
      wrong[0]! ^= 1
      const root = yield* temporary
      const expected: ReadonlyArray<readonly [BuildContext.TarSource, RegExp]> = [
        [new Uint8Array(0), /^context: is not a tar archive: it is empty$/],
        [Stream.empty, /^context: the stream is not a tar archive: it is empty$/],
        [Buffer.from("FROM scratch"), /^context: is not a tar archive: it ends after 12 of the 512 bytes/],
        [Buffer.alloc(2048, "text "), /^context: is not a tar archive: .* checksum is wrong$/],
        [wrong, /checksum is wrong$/],
        [inPieces(wrong, 100), /^context: the stream is not a tar archive: .* checksum is wrong$/],
        [new Uint8Array(1024), /^context: is a tar archive with nothing in it$/],
        [Zlib.gzipSync(Buffer.alloc(2048, "text ")), /^context: is not a tar archive: .* \(after decompressing it\)$/],
        [Buffer.from([0x1f, 0x8b, 0x08, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7]), /^context: begins like gzip, but/],
        [{ path: Path.join(root, "nope.tar") }, /^context: the file ".*nope\.tar" does not exist$/],
        [{ path: root }, /^context: the file ".*" is a directory$/],
        [Stream.fail(new Error("cable cut")), /^context: the stream of the tar archive failed: cable cut$/]
      ]
      for (const [source, issue] of expected) {
        const context = BuildContext.fromTar(source)
        const opened = yield* Effect.result(Effect.scoped(BuildContext.open(context, { image })))
        assert.isTrue(Result.isFailure(opened))
        assert.match(yield* refusal(context), issue)
      }
    }))

  it.effect("fails when its stream does, after what came before", () =>
    Effect.gen(function*() {
      const bytes = yield* archive
      const source = Stream.concat(Stream.make(bytes, Buffer.alloc(8192)), Stream.fail("cable cut"))
      let seen = 0
      const error = yield* BuildContext.toTar(BuildContext.fromTar(source), { image }).pipe(
        Stream.runForEach((chunk) =>
          Effect.sync(() => {
            seen += chunk.length
          })
        ),
        Effect.flip
      )
      assert.strictEqual(seen, bytes.length + 8192)
      assert.match(error.issue, /failed: cable cut/)
    }))
})

describe("fromDockerfile", () => {
  it.effect("is an archive of one file", () =>
    Effect.gen(function*() {
      const context = BuildContext.fromDockerfile("FROM scratch\nLABEL a=ü\n", { dockerfile: "docker/./prod" })
      const entries = yield* packed(context)
      assert.deepStrictEqual(entries.map(({ bytes, name }) => [name, bytes.toString()]), [
        ["docker/prod", "FROM scratch\nLABEL a=ü\n"]
      ])
    }))

  it.effect("refuses an empty text and a path that leads out", () =>
    Effect.gen(function*() {
      assert.match(
        yield* refusal(BuildContext.fromDockerfile(" \n")),
        /^dockerfile: the text of the Dockerfile is empty/
      )
      assert.match(
        yield* refusal(BuildContext.fromDockerfile("FROM a", { dockerfile: "../x" })),
        /^dockerfile: is outside/
      )
    }))
})

describe("wildcards", () => {
  // the same language, as a backtracking regular expression
  const expression = (pattern: string): RegExp =>
    new RegExp(`^${
      pattern.replaceAll(/\*\*\/?$|\*\*\/?|\*|\?|\./g, (token, at: number) =>
        token.startsWith("**")
          ? at + token.length === pattern.length ? ".*" : "(?:.*/)?"
          : token === "*"
          ? "[^/]*"
          : token === "?"
          ? "[^/]"
          : "\\.")
    }$`)

  it("match as an equal regular expression does", () => {
    const pattern = fc.array(fc.constantFrom("a", "b", "/", ".", "*", "**", "**/", "?"), { maxLength: 7 }).map((
      parts
    ) => parts.join("").replaceAll(/\*{3,}/g, "**"))
    const path = fc.array(fc.constantFrom("a", "b", "/", "."), { maxLength: 8 }).map((parts) => parts.join(""))
    fc.assert(
      fc.property(pattern, path, (wildcard, text) => {
        const matches = Wildcard.compile(wildcard, { deep: true })
        assert.strictEqual(typeof matches === "string" ? matches : matches(text), expression(wildcard).test(text))
      }),
      { numRuns: 5000 }
    )
  })

  it("do not take for ever", () => {
    const matches = Wildcard.compile("**/*a".repeat(20), { deep: true })
    assert.isFalse(typeof matches === "string" ? undefined : matches(`${"a/".repeat(2000)}b`))
  })
})
