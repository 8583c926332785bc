import { Container, Image, Logs, Errors, BuildContext, Backend } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Fiber from "effect/Fiber"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { readFileSync, createReadStream } from "node:fs"
import { it } from "vitest"
const host = process.env.TRY_HOST!
const bb = (c: string | ReadonlyArray<string>) => Container.make("busybox:test").pipe(Container.command(c as any))
const show = (name: string) => <A, E, R>(e: Effect.Effect<A, E, R>) =>
  Effect.exit(e).pipe(Effect.timed, Effect.map(([d, x]) => {
    if (Exit.isSuccess(x)) console.log(name, "=>", typeof x.value === "string" ? JSON.stringify(x.value.slice(0, 200)) : x.value, String(d))
    else { const f: any = Cause.squash(x.cause); console.log(name, "=> FAIL", f?._tag, f?.reason?._tag, f?.code ?? f?.reason?.code, "|", f?.message ?? f, String(d)) }
  }))
it("try", { timeout: 600000 }, async () => {
  await Effect.runPromise(Effect.gen(function*() {
    const b = yield* Backend.Backend
    yield* show("health")(b.health)
    yield* show("echo")(Container.string(bb(["echo", "hi"])))
    yield* show("script both")(Container.run(bb("echo out; echo err >&2; exit 3")))
    for (const c of [0, 3, 255]) yield* show("exit " + c)(Container.exitStatus(bb(`exit ${c}`)))
    yield* show("killed")(Container.exitStatus(bb("kill -9 $$")).pipe(Effect.timeout("20 seconds")))
    yield* show("killed init")(Container.exitStatus(bb("kill -TERM $$; sleep 1").pipe(Container.init(true))))
    yield* show("not found")(Container.run(bb(["nope"])))
    yield* show("not exec")(Container.run(bb(["/etc"])))
    yield* show("env")(Container.string(bb("echo $A").pipe(Container.variable("A", "x"), Container.variable("A", "y"))))
    yield* show("cat")(Container.string(bb(["cat"]).pipe(Container.stdin("hello stdin"))))
    yield* show("cat 8MB")(Container.run(bb(["wc", "-c"]).pipe(Container.stdin(new Uint8Array(8 << 20)))).pipe(Effect.map(r => r.logs.text)))
    yield* show("head of big stdin")(Container.run(bb(["head", "-c", "5"]).pipe(Container.stdin(new Uint8Array(8 << 20).fill(65)))).pipe(Effect.map(r => r.logs.text)))
    yield* show("true with stdin")(Container.run(bb(["true"]).pipe(Container.stdin(new Uint8Array(8 << 20).fill(65)))).pipe(Effect.map(r => r.logs.text)))
    yield* show("tty")(Container.string(bb("echo a; echo b >&2").pipe(Container.tty(true))))
    yield* show("tty cat")(Container.string(bb("cat; echo after").pipe(Container.tty(true), Container.stdin("in\n"))).pipe(Effect.timeout("10 seconds")))
    yield* show("tty cat noeol")(Container.string(bb("cat; echo after").pipe(Container.tty(true), Container.stdin("in"))).pipe(Effect.timeout("10 seconds")))
    yield* show("200k lines")(Container.run(bb("seq 200000")).pipe(Effect.map(r => [r.logs.stdout.length, r.logs.stdoutText.endsWith("200000\n")])))
    yield* show("4MiB line")(Container.run(bb("head -c 4194304 /dev/zero")).pipe(Effect.map(r => r.logs.stdout.length)))
    yield* show("oom")(Container.exitStatus(bb("tail /dev/zero").pipe(Container.memory("16 MiB"))))
    yield* show("missing image")(Container.run(Container.make("198.51.100.1:15000/nope:x").pipe(Container.command(["true"]))))
    yield* show("registry down")(Container.run(Container.make("198.51.100.1:15009/nope:x").pipe(Container.command(["true"]))))
    yield* show("handle")(Effect.scoped(Effect.gen(function*() {
      const h = yield* Container.start(bb("echo one; sleep 0.3; echo two >&2; exit 4"))
      const out = yield* Stream.runCollect(Stream.decodeText(h.all))
      const ts = yield* Stream.runCollect(h.logs({ timestamps: true, tail: 1 }))
      return [out.join(""), yield* h.exitStatus, ts.map(f => [new TextDecoder().decode(f.bytes), f.timestamp]), (yield* h.inspect).state]
    })))
    yield* show("handle stdin")(Effect.scoped(Effect.gen(function*() {
      const h = yield* Container.start(bb(["cat"]), { stdin: true })
      yield* Stream.run(Stream.make(new TextEncoder().encode("abc")), h.stdin)
      return [yield* h.exitCode, (yield* Stream.runCollect(Stream.decodeText(h.stdout))).join("")]
    })))
    yield* show("exec")(Effect.scoped(Effect.gen(function*() {
      const h = yield* Container.start(bb(["sleep", "100"]))
      const run = (command: Array<string>, more = {}) => Effect.scoped(Effect.gen(function*() {
        const e = yield* b.exec(h.id, { command, env: [["X", "1"]], tty: false, stdin: false, ...more })
        const o = yield* Effect.exit(Stream.runCollect(Logs.text(e.output)))
        return [Exit.isSuccess(o) ? o.value.join("") : String(Cause.squash(o.cause)), yield* e.exit]
      }))
      const r = []
      r.push(yield* run(["sh", "-c", "echo $X; pwd; exit 7"], { workDir: "/etc" }))
      r.push(yield* Effect.exit(run(["nope"])))
      r.push(yield* Effect.exit(run(["/etc"])))
      r.push(yield* run(["echo", "t"], { tty: true }))
      r.push(yield* Effect.scoped(Effect.gen(function*() {
        const e = yield* b.exec(h.id, { command: ["cat"], env: [], tty: false, stdin: true })
        yield* Effect.forkScoped(Stream.run(Stream.make(new TextEncoder().encode("exec in")), e.stdin))
        return [(yield* Stream.runCollect(Logs.text(e.output))).join(""), yield* e.exit]
      })))
      yield* show("exec gone")(b.exec("nope", { command: ["cat"], env: [], tty: false, stdin: true }))
      const tar = yield* Stream.runCollect(b.copyOut(h.id, "/etc/hostname"))
      r.push(tar.reduce((n, c) => n + c.length, 0))
      yield* show("copyIn")(b.copyIn(h.id, "/", Stream.fromIterable(tar)))
      yield* show("copyIn nodir")(b.copyIn(h.id, "/nodir", Stream.fromIterable(tar)))
      yield* show("copyOut none")(Stream.runCollect(b.copyOut(h.id, "/nofile")))
      yield* show("remove running")(b.remove(h.id, { force: false }))
      yield* show("stop")(b.stop(h.id, { grace: 0 }))
      yield* show("stop twice")(b.stop(h.id, { grace: 0 }))
      yield* show("signal stopped")(b.signal(h.id, "TERM"))
      yield* show("wait again")(b.wait(h.id))
      yield* show("remove x2")(Effect.all([b.remove(h.id, { force: true }), b.remove(h.id, { force: true })], { concurrency: 2 }))
      return JSON.stringify(r)
    })))
    yield* show("build good")(Stream.runCollect(Image.build("dk-good:1", BuildContext.fromDockerfile("FROM busybox:test\nENV A=b\nCMD [\"echo\", \"built\"]\n"))).pipe(Effect.map(x => x.map(s => JSON.stringify(s)).join(" "))))
    yield* show("run built")(Container.string(Container.make("dk-good:1")))
    yield* show("build bad")(Stream.runCollect(Image.build("dk-bad:1", BuildContext.fromDockerfile("FROM busybox:test\nRUN echo hi; exit 7\n"))))
    yield* show("build parse")(Stream.runCollect(Image.build("dk-bad:1", BuildContext.fromDockerfile("FROM busybox:test\nNOPE x\n"))))
    yield* show("build nobase")(Stream.runCollect(Image.build("dk-bad:1", BuildContext.fromDockerfile("FROM 198.51.100.1:15000/nope:x\n"))))
    yield* show("build copy missing")(Stream.runCollect(Image.build("dk-bad:1", BuildContext.fromDockerfile("FROM busybox:test\nCOPY x /x\n"))))
    yield* show("inspect image")(Image.inspect("busybox:test"))
    yield* show("inspect none")(Image.inspect("busybox:nono"))
    yield* show("list")(Image.list().pipe(Effect.map(l => JSON.stringify(l))))
    yield* show("tag")(Image.tag("busybox:test", "198.51.100.1:15000/dk/bb:1"))
    yield* show("push")(Stream.runCollect(Image.push("198.51.100.1:15000/dk/bb:1")).pipe(Effect.map(x => x.map(s => s.phase + ":" + s.status).join(" "))))
    yield* show("remove tag")(Image.remove("198.51.100.1:15000/dk/bb:1"))
    yield* show("pull")(Stream.runCollect(Image.pull("198.51.100.1:15000/dk/bb:1")).pipe(Effect.map(x => JSON.stringify(x))))
    yield* show("pull digest")(Image.inspect("198.51.100.1:15000/dk/bb:1").pipe(Effect.flatMap(i => Stream.runCollect(Image.pull(i.digests[0]!))), Effect.map(x => x.length)))
    yield* show("remove")(Image.remove("198.51.100.1:15000/dk/bb:1"))
    yield* show("remove built")(Image.remove("dk-good:1"))
    yield* show("import")(Image.fromArchive(Stream.make(readFileSync("/tmp/e/bb.tar"))))
    yield* show("import garbage")(Image.fromArchive(Stream.make(new Uint8Array(5000).fill(7))))
    yield* show("import cut")(Image.fromArchive(Stream.make(readFileSync("/tmp/e/bb.tar").subarray(0, 300000))))
    yield* show("import failing source")(Image.fromArchive(Stream.concat(Stream.make(readFileSync("/tmp/e/bb.tar").subarray(0, 300000)), Stream.fail("mine" as const))))
    yield* show("export")(Stream.runFold(Image.toArchive(["busybox:test"]), () => 0, (n, c) => n + c.length))
    yield* show("export none")(Stream.runFold(Image.toArchive(["busybox:nono"]), () => 0, (n, c) => n + c.length))
    yield* show("auth none")(Stream.runCollect(Image.pull("198.51.100.1:15001/dk/bb:1")))
    yield* show("interrupt run")(Effect.gen(function*() {
      const f = yield* Effect.forkChild(Container.run(bb(["sleep", "1000"]).pipe(Container.name("dk-int"))))
      yield* Effect.sleep("1500 millis")
      yield* Fiber.interrupt(f)
      return (yield* Container.list()).map(c => c.name).join()
    }))
    yield* show("events")(Effect.gen(function*() {
      const f = yield* Effect.forkChild(Stream.runCollect(Stream.take(b.events(), 3)))
      yield* Effect.sleep("200 millis")
      yield* Container.run(bb(["true"]))
      return (yield* Fiber.join(f)).map(e => e.type + "." + e.action).join()
    }))
  }).pipe(Effect.provide(Docker.layer({ host })), Effect.scoped))
})
