import { Container, Image, Logs, BuildContext, Backend } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Fiber from "effect/Fiber"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { it } from "vitest"
const host = process.env.TRY_HOST!
const bb = (c: string | ReadonlyArray<string>) => Container.make("busybox:test").pipe(Container.command(c as any))
const show = (name: string) => <A, E, R>(e: Effect.Effect<A, E, R>) =>
  Effect.exit(e).pipe(Effect.timed, Effect.map(([d, x]) => {
    if (Exit.isSuccess(x)) console.log(name, "=>", JSON.stringify(x.value), String(d))
    else { const f: any = Cause.squash(x.cause); console.log(name, "=> FAIL", f?._tag, f?.reason?._tag, f?.code ?? f?.reason?.code, "|", f?.message ?? f, String(d)) }
  }))
it("try", { timeout: 600000 }, async () => {
  await Effect.runPromise(Effect.gen(function*() {
    const b = yield* Backend.Backend
    yield* show("health")(b.health)
    yield* show("run")(Container.string(bb("echo hi")))
    yield* show("tty cat noeol")(Container.string(bb("cat; echo after").pipe(Container.tty(true), Container.stdin("in"))).pipe(Effect.timeout("60 seconds")))
    yield* show("entrypoint []")(Container.string(bb(["echo", "x"]).pipe(Container.entrypoint([]))))
    yield* show("exec")(Effect.scoped(Effect.gen(function*() {
      const h = yield* Container.start(bb(["sleep", "1000"]))
      const run = (command: Array<string>, more = {}) => Effect.scoped(Effect.gen(function*() {
        const e = yield* b.exec(h.id, { command, env: [["X", "1"]], tty: false, stdin: false, ...more })
        const o = yield* Effect.exit(Stream.runCollect(Logs.text(e.output)))
        return [Exit.isSuccess(o) ? o.value.join("") : String(Cause.squash(o.cause)), yield* e.exit]
      }))
      yield* show("exec 7")(run(["sh", "-c", "echo $X; pwd; exit 7"], { workDir: "/etc" }))
      yield* show("exec nope")(run(["nope"]))
      yield* show("exec /etc")(run(["/etc"]))
      yield* show("exec sh 127")(run(["sh", "-c", "nope"]))
      yield* show("exec tty")(run(["echo", "t"], { tty: true }))
      yield* show("exec stdin")(Effect.scoped(Effect.gen(function*() {
        const e = yield* b.exec(h.id, { command: ["cat"], env: [], tty: false, stdin: true })
        yield* Effect.forkScoped(Stream.run(Stream.make(new TextEncoder().encode("exec in")), e.stdin))
        return [(yield* Stream.runCollect(Logs.text(e.output))).join(""), yield* e.exit]
      })))
      const f = yield* Effect.forkChild(run(["sh", "-c", "sleep 777 & sleep 778"]))
      yield* Effect.sleep("3 seconds")
      yield* show("ps before")(run(["ps"]))
      yield* show("interrupt exec")(Fiber.interrupt(f))
      yield* show("ps after")(run(["ps"]))
      yield* b.stop(h.id, { grace: 0 })
    })))
    yield* show("stop: rm")(Container.list().pipe(Effect.map(l => l.length)))
    yield* show("interrupt build")(Effect.gen(function*() {
      const f = yield* Effect.forkChild(Stream.runDrain(Image.build("dk-slow:1", BuildContext.fromDockerfile("FROM busybox:test\nRUN sleep 300\n"))))
      yield* Effect.sleep("5 seconds")
      yield* Fiber.interrupt(f)
      yield* Effect.sleep("5 seconds")
      return (yield* Container.list()).map(c => c.state)
    }))
  }).pipe(Effect.provide(Docker.layer({ host })), Effect.scoped))
})
