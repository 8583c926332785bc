/**
 * A program that knows only `FileSystem` and `Path`, moved into a container by a Layer; and a directory that is copied into
 * a container and comes back with what was made of it.
 *
 *     npm run example -- filesystem
 */
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import { Console, Effect, FileSystem, Path } from "effect"
import { Container, ContainerFileSystem } from "effect-containers"
import { engine, image } from "./engine.ts"

const job = (command: string) =>
  Container.make(image).pipe(Container.command(command), Container.stopWith({ grace: "1 second" }))

/** Knows nothing of containers. */
const site = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = "/srv/site"
  yield* fs.makeDirectory(path.join(root, "pages"), { recursive: true })
  yield* fs.writeFileString(path.join(root, "index.html"), "<a href=pages/one.html>one</a>\n")
  yield* fs.writeFileString(path.join(root, "pages/one.html"), "one\n")
  yield* fs.chmod(path.join(root, "index.html"), 0o600)
  yield* fs.rename(path.join(root, "pages/one.html"), path.join(root, "pages/first.html"))
  return (yield* fs.glob("**/*.html", { root })).join(", ")
})

const inside = Effect.gen(function*() {
  const container = yield* Container.start(job("sleep 600"))
  const pages = yield* Effect.provide(site, ContainerFileSystem.layer(container))
  yield* Console.log(`site: ${pages}`)
  yield* Console.log(`its program sees: ${(yield* Container.execString(container, "ls /srv/site")).trim()}`)
})

/** What is copied in before it starts, and out when it has ended. */
const thereAndBack = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped({ prefix: "effect-containers-" })
  yield* fs.makeDirectory(`${home}/sources`)
  yield* fs.writeFileString(`${home}/sources/names`, "b\na\n")
  const container = yield* Container.create(job("mkdir /work/out && sort /work/names > /work/out/sorted"))
  yield* Container.copyDirectoryTo(container, "/work", `${home}/sources`)
  const { exitCode } = yield* container.start
  yield* exitCode
  yield* Container.copyDirectoryFrom(container, "/work/out", `${home}/results`)
  const sorted = yield* fs.readFileString(`${home}/results/sorted`)
  yield* Console.log(`sorted: ${sorted.trim().replaceAll("\n", ", ")}`)
}).pipe(Effect.provide(NodeFileSystem.layer))

const main = Effect.andThen(inside, thereAndBack).pipe(Effect.scoped, Effect.provide(engine))

await Effect.runPromise(main)
