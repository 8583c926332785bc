/**
 * Generates the TypeScript of containerd's messages from our `.proto` files, next to them. With `--check` it only says
 * whether they are up to date.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const folder = "src/layers/containerd/protocol"
const check = process.argv.includes("--check")
const out = check ? mkdtempSync(join(tmpdir(), "protocol-")) : folder

const template = {
  version: "v2",
  inputs: [{ directory: folder }],
  plugins: [{
    local: "protoc-gen-es",
    out,
    opt: ["target=ts", "import_extension=ts", "erasable_syntax=true", "valid_types=legacy_required"]
  }]
}
const { status } = spawnSync("buf", ["generate", "--template", JSON.stringify(template)], { stdio: "inherit" })
if (status !== 0) process.exit(status ?? 1)
if (check) {
  const text = (path: string) => {
    try {
      return readFileSync(path, "utf8")
    } catch {
      return undefined
    }
  }
  const stale = readdirSync(out).filter((name) => text(join(out, name)) !== text(join(folder, name)))
  rmSync(out, { recursive: true })
  if (stale.length > 0) {
    process.stderr.write(`Not what the .proto files say: ${stale.join(", ")}. Run "npm run protocol".\n`)
    process.exit(1)
  }
}
