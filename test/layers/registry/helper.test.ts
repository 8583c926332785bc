import { assert, describe, it } from "@effect/vitest"
import { lookUp } from "effect-containers/layers/registry/credentials"
import { deadline } from "effect-containers/layers/registry/helper"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { client, failure, image, pull } from "./client.ts"
import { configuration, environmentOf } from "./configured.ts"
import { eventually, no, serve } from "./fake.ts"

const isAlive = (pid: number): boolean => {
  try {
    // One that has ended stays until its parent looks.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

const hangs = "sleep 1000 & echo $! >\"$(dirname \"$0\")/pid\"\nwait"

const secret = "Zs3cretZ"

/** What is said of a helper that does this. */
const said = Effect.fnUntraced(function*(script: string) {
  const folder = yield* configuration({ credsStore: "efctest" }, { efctest: script })
  return yield* failure(lookUp(yield* environmentOf(folder), "a.example", "pull"), [secret])
})

describe("a credential helper", { timeout: 60_000 }, () => {
  it.effect("that hangs is named when its time is over, and nothing of it stays", () =>
    Effect.gen(function*() {
      const folder = yield* configuration({ credsStore: "efctest" }, { efctest: hangs })
      const looking = yield* Effect.forkChild(failure(lookUp(yield* environmentOf(folder), "a.example", "pull")))
      const file = join(folder, "pid")
      yield* eventually(() => existsSync(file) && readFileSync(file, "utf8").endsWith("\n"))
      const pid = Number(readFileSync(file, "utf8"))
      assert.isTrue(isAlive(pid))
      yield* TestClock.adjust(deadline - 1)
      assert.isUndefined(looking.pollUnsafe())
      yield* TestClock.adjust(1)
      const reason = yield* Fiber.join(looking)
      assert.strictEqual(reason._tag, "Unavailable")
      assert.strictEqual(reason.message, "docker-credential-efctest: no answer within 10000 ms")
      yield* eventually(() => !isAlive(pid))
    }))

  it.live("that is asked no more goes with all that it has started", () =>
    Effect.gen(function*() {
      const folder = yield* configuration({ credsStore: "efctest" }, { efctest: hangs })
      const looking = yield* Effect.forkChild(lookUp(yield* environmentOf(folder), "a.example", "pull"))
      const file = join(folder, "pid")
      yield* eventually(() => existsSync(file) && readFileSync(file, "utf8").endsWith("\n"))
      const pid = Number(readFileSync(file, "utf8"))
      yield* Fiber.interrupt(looking)
      yield* eventually(() => !isAlive(pid))
    }))

  for (
    const [what, script, message] of [
      ["fails", `echo ${secret}; echo ${secret} >&2; exit 3`, "ended with 3"],
      ["is killed", "kill -9 $$", "ended with a signal"],
      ["prints garbage", `echo '{"Secret": "${secret}'`, "its answer is not JSON"],
      ["prints something else", `echo '["${secret}"]'`, "its answer has no Username and Secret"],
      ["prints nothing", ":", "its answer is not JSON"],
      [
        "prints null for a secret",
        `echo '{"Username":"${secret}","Secret":null}'`,
        "its answer has no Username and Secret"
      ],
      ["prints without an end", "while :; do cat /bin/sh; done", "its answer has no end"]
    ] as const
  ) {
    it.live(`that ${what} is named, and not what it printed`, () =>
      Effect.gen(function*() {
        const reason = yield* said(script)
        assert.strictEqual(reason._tag, "Unavailable")
        assert.strictEqual(reason.message, `docker-credential-efctest: ${message}`)
      }))
  }

  for (const helper of ["efc-is-not-there", "efc\0test"]) {
    it.live(`that cannot be started is named: ${JSON.stringify(helper)}`, () =>
      Effect.gen(function*() {
        const folder = yield* configuration({ credsStore: helper })
        const reason = yield* failure(lookUp(yield* environmentOf(folder), "a.example", "pull"))
        assert.strictEqual(reason._tag, "Unavailable")
        assert.include(reason.message, `docker-credential-${helper}: `)
      }))
  }

  it.live("is asked only for the registry in use, on its standard input", () =>
    Effect.gen(function*() {
      const note = "echo \"$(basename \"$0\") $* $server\" >>\"$(dirname \"$0\")/asked\""
      const answer = `echo '{"Username":"user","Secret":"${secret}"}'`
      const folder = yield* configuration(
        { credHelpers: { "a.example": "efcone", "b.example": "efctwo" }, credsStore: "efcstore" },
        { efcone: `${note}; ${answer}`, efctwo: `${note}; ${answer}`, efcstore: `${note}; ${answer}` }
      )
      const environment = yield* environmentOf(folder)
      yield* lookUp(environment, "b.example", "pull")
      yield* lookUp(environment, "docker.io", "pull")
      assert.strictEqual(
        readFileSync(join(folder, "asked"), "utf8"),
        "docker-credential-efctwo get b.example\ndocker-credential-efcstore get https://index.docker.io/v1/\n"
      )
    }))

  it.live("that fails is named when the registry refuses whoever asks without credentials", () =>
    Effect.gen(function*() {
      const folder = yield* configuration({ credsStore: "efctest" }, { efctest: "exit 3" })
      const environment = yield* environmentOf(folder)
      const tokens = yield* serve((_, response) => no(response, 401, "UNAUTHORIZED", "who are you?"))
      for (const challenge of ["Basic realm=\"r\"", `Bearer realm="http://${tokens.host}/"`]) {
        const registry = yield* serve((_, response) =>
          no(response, 401, "UNAUTHORIZED", "who are you?", { "WWW-Authenticate": challenge })
        )
        const { manifest } = yield* client({}, (domain) => lookUp(environment, domain, "pull"))
        const reason = yield* failure(manifest(image(registry.host), "1", pull))
        assert.strictEqual(reason._tag, "Unauthenticated")
        assert.strictEqual(reason.hint, "asked without credentials: docker-credential-efctest: ended with 3")
      }
      const lost = yield* serve((_, response) => no(response, 404, "MANIFEST_UNKNOWN", "never heard of it"))
      const { manifest } = yield* client({}, (domain) => lookUp(environment, domain, "pull"))
      assert.isUndefined((yield* failure(manifest(image(lost.host), "1", pull))).hint)
    }))
})
