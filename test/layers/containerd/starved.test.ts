import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const program = fileURLToPath(new URL("starved.ts", import.meta.url))

describe("a program without descriptors", () => {
  it("what it cannot look at it does not take for what is not there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "efc-starved-"))
    try {
      for (const path of ["claims", "network/members", "containerd-rootless"]) {
        mkdirSync(join(folder, path), { recursive: true })
      }
      writeFileSync(join(folder, "claims/there"), "/somebody")
      writeFileSync(join(folder, "containerd-rootless/child_pid"), "1")
      const { stdout } = await promisify(execFile)(
        "prlimit",
        ["--nofile=128:128", process.execPath, program, folder],
        { timeout: 50_000 }
      )
      const starved = "ResourceExhausted EMFILE"
      assert.deepStrictEqual(JSON.parse(stdout), {
        "the processes of a container": starved,
        "those of the machine": starved,
        "who has claims": "EMFILE",
        "who has one": "EMFILE",
        "who is in a network": "EMFILE",
        "where names are asked for": starved,
        "whether a log is whole": starved,
        "what a private engine has left": "EMFILE",
        "where an engine is": starved
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
