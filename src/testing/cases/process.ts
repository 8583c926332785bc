import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Container from "../../Container.ts"
import * as Image from "../../Image.ts"
import { type Case, group, job, needs } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"
import { madeImage } from "../image.ts"

const it = group("process")

/** What a script prints, of the fixture's image with options. */
const prints = (
  script: string | ReadonlyArray<string>,
  options: (self: Container.Container) => Container.Container,
  expected: string
) =>
  Effect.gen(function*() {
    yield* equal("stdout", yield* Container.string(options(yield* job(script))), expected)
  })

/** A container of an image that the case made: with that image's own command unless the options say otherwise. */
const of = (image: string): Container.Container => Container.make(image).pipe(Container.pull("never"))

const show = "printf '%s|' \"$A\" \"$B\""

export const cases: ReadonlyArray<Case> = [
  it("a variable", prints("printf %s \"$A\"", Container.variable("A", "1"), "1")),
  it(
    "variables of several lines, with quotes, dollars, equals signs and none at all",
    prints(show, Container.variables({ A: "a b\n\"c\" 'd' $HOME = é", B: "" }), "a b\n\"c\" 'd' $HOME = é||")
  ),
  it(
    "the last of a repeated variable wins",
    prints(
      "env | grep '^A='",
      (self) => self.pipe(Container.variable("A", "1"), Container.variables({ A: "2" }), Container.variable("A", "3")),
      "A=3\n"
    )
  ),
  it(
    "the image's variables, and ours over them",
    Effect.gen(function*() {
      const image = yield* madeImage({ env: { A: "image", B: "image" } })
      const self = of(image).pipe(Container.command(show))
      yield* equal("the image's", yield* Container.string(self), "image|image|")
      yield* equal("ours over them", yield* Container.string(Container.variable(self, "B", "ours")), "image|ours|")
    })
  ),
  it(
    "a redacted variable reaches the process and no error",
    Effect.gen(function*() {
      const self = (yield* job("printf %s \"$SECRET\" | wc -c; exit 3")).pipe(
        Container.variable("SECRET", Redacted.make("hush-hush"))
      )
      const error = yield* fails(Container.run(self), { tag: "ExitCode", names: ["9"] })
      yield* holds("no secret", !JSON.stringify(error).includes("hush") && !String(error).includes("hush"), error)
      yield* equal("description", JSON.stringify(self).includes("hush"), false)
    })
  ),
  it("starts in / when nobody says where", prints("pwd", (self) => self, "/\n")),
  it("starts in our directory", prints("pwd", Container.workDir("/tmp"), "/tmp\n")),
  it(
    "starts in the image's directory, and in ours over it",
    Effect.gen(function*() {
      const self = of(yield* madeImage({ workDir: "/etc" })).pipe(Container.command(["pwd"]))
      yield* equal("the image's", yield* Container.string(self), "/etc\n")
      yield* equal("ours", yield* Container.string(Container.workDir(self, "/tmp")), "/tmp\n")
    })
  ),
  it("runs as root when nobody says as whom", prints("id -u; id -g", (self) => self, "0\n0\n")),
  ...[
    ["app", "1000\n1000\n"],
    ["1000", "1000\n1000\n"],
    ["1000:0", "1000\n0\n"],
    ["4321:8765", "4321\n8765\n"]
  ].map(([user, expected]) =>
    it(
      `runs as the user ${user}`,
      Effect.gen(function*() {
        yield* needs("users", Container.user(yield* job("id -u; id -g"), user!), (self) =>
          Effect.flatMap(Container.string(self), (ids) =>
            equal("ids", ids, expected)))
      })
    )
  ),
  it(
    "runs as the image's user, and as ours over it",
    Effect.gen(function*() {
      const self = of(yield* madeImage({ user: "app" })).pipe(Container.command("id -u"))
      yield* equal("the image's", yield* Container.string(self), "1000\n")
      yield* needs(
        "users",
        Container.user(self, "root"),
        (ours) => Effect.flatMap(Container.string(ours), (id) => equal("ours", id, "0\n"))
      )
    })
  ),
  it(
    "has the host name that we give",
    Effect.gen(function*() {
      yield* needs(
        "hostname",
        Container.hostname(yield* job("hostname"), "conformance"),
        (self) => Effect.flatMap(Container.string(self), (name) => equal("hostname", name, "conformance\n"))
      )
    })
  ),
  it(
    "is process 1, and with an init it is not",
    Effect.gen(function*() {
      const self = yield* job("echo $$")
      yield* equal("pid", yield* Container.string(self), "1\n")
      yield* needs(
        "init",
        Container.init(self, true),
        (self) => Effect.flatMap(Container.string(self), (pid) => holds("another pid", Number(pid) > 1, pid))
      )
    })
  ),
  it(
    "a list is run as it is, with no shell",
    prints(["echo", "$HOME", "a  b", "*", ";"], (self) => self, "$HOME a  b * ;\n")
  ),
  it("a string is run by a shell", prints("echo a b | cat && echo c", (self) => self, "a b\nc\n")),
  it(
    "a string is run by the shell that we give",
    Effect.gen(function*() {
      const self = Container.shell(yield* job("echo a; false; echo b"), ["/bin/sh", "-ec"])
      yield* fails(Container.run(self), { tag: "ExitCode", names: ["exit-code 1", "a"] })
      yield* equal("without -e", yield* Container.string(Container.shell(self, ["/bin/sh", "-c"])), "a\nb\n")
    })
  ),
  it(
    "the image's entrypoint and command",
    Effect.gen(function*() {
      const self = of(yield* madeImage({ entrypoint: ["echo", "entry"], command: ["image", "command"] }))
      yield* equal("both of the image", yield* Container.string(self), "entry image command\n")
      yield* equal("our command", yield* Container.string(Container.command(self, ["ours"])), "entry ours\n")
      yield* equal(
        "our entrypoint takes the image's command away",
        yield* Container.string(Container.entrypoint(self, ["echo", "mine"])),
        "mine\n"
      )
      yield* equal(
        "both ours",
        yield* Container.string(self.pipe(Container.entrypoint(["echo", "mine"]), Container.command(["ours"]))),
        "mine ours\n"
      )
      yield* equal(
        "no entrypoint",
        yield* Container.string(self.pipe(Container.entrypoint([]), Container.command(["echo", "bare"]))),
        "bare\n"
      )
      yield* equal(
        "a script puts the entrypoint aside",
        yield* Container.string(Container.command(self, "echo script")),
        "script\n"
      )
    })
  ),
  it(
    "of a resolved image",
    Effect.gen(function*() {
      const name = yield* madeImage({ env: { A: "resolved" } })
      const image = yield* Image.resolve(name, { pull: "never" })
      const done = yield* Container.run(Container.make(image).pipe(Container.command(show)))
      yield* equal("name and output", [done.image, done.logs.text], [name, "resolved||"])
    })
  ),
  it(
    "labels can be read back",
    Effect.gen(function*() {
      const self = (yield* job(["true"])).pipe(
        Container.label("a", "1"),
        Container.label("b", "2"),
        Container.label("a", "3")
      )
      const { labels } = yield* Effect.flatMap(Container.create(self), ({ id }) => Container.inspect(id))
      yield* equal("labels", [labels["a"], labels["b"]], ["3", "2"])
    })
  ),
  it(
    "of an image that is not there",
    Effect.gen(function*() {
      const image = `${(yield* Fixture).image}-not-there`
      yield* fails(Container.run(Container.make(image).pipe(Container.pull("never"), Container.command(["true"]))), {
        tag: "ContainerCreate",
        reason: "NotFound",
        image,
        id: "",
        names: [image]
      })
    })
  )
]
