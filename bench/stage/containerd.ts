/** A containerd with the image that is run, and this library on it. */
import { ManagedRuntime, Stream } from "effect"
import { type Backend, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { execFile, type ExecFileOptions } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { suite } from "../../scripts/engines/home.ts"
import { archive, makeImage } from "../../scripts/engines/image.ts"
import type { Engine } from "../../scripts/engines/start.ts"
import { row } from "../../scripts/engines/table.ts"
import { image } from "../rivals/contender.ts"

const execute = promisify(execFile)

export interface Staged {
  readonly runtime: ManagedRuntime.ManagedRuntime<Backend.Backend, unknown>
  /** The engine's own tool, and what it is called with before its command. */
  readonly ctr: { readonly program: string; readonly arguments: ReadonlyArray<string> }
  readonly call: (...args: ReadonlyArray<string>) => Promise<{ readonly stdout: string }>
  /** What `ctr run` needs to be told. */
  readonly run: ReadonlyArray<string>
}

/** The image as the library names it in an archive. */
export const archived = async (): Promise<Uint8Array> => archive(await makeImage(), [image])

/** For as long as `use` takes. */
export const withContainerd = async <A>(
  name: string,
  engine: Engine,
  use: (staged: Staged) => Promise<A>,
  registry?: string
): Promise<A> => {
  const is = row(name)
  const { client } = engine
  if (client === undefined || is?.kind !== "containerd") throw new Error(`${name} is no containerd`)
  const address = engine.host.replace("unix://", "")
  const program = join(await suite(is.suite), "usr/bin/ctr")
  const fifos = join(client.folder, "ctr")
  mkdirSync(fifos, { recursive: true })
  const given = ["-a", address, "-n", client.namespace]
  const options: ExecFileOptions = { maxBuffer: 64 * 1024 * 1024 }
  const runtime = ManagedRuntime.make(Containerd.layer({
    address,
    namespace: client.namespace,
    folder: client.folder,
    network: "none",
    ...registry === undefined ? {} : { registries: { hosts: { [registry]: { plainHttp: true } } } }
  }))
  try {
    await runtime.runPromise(Image.fromArchive(Stream.make(await archived())))
    return await use({
      runtime,
      ctr: { program, arguments: given },
      call: async (...args) => {
        const { stdout } = await execute(program, [...given, ...args], options)
        return { stdout: String(stdout) }
      },
      run: ["run", "--rm", "--fifo-dir", fifos, `docker.io/library/${image}`]
    })
  } finally {
    await runtime.dispose()
  }
}
