import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import type { ContainerInfo, ContainerState, Health, NetworkInfo, VolumeInfo } from "../../Backend.ts"
import type { ContainerConfig, PortBinding } from "../../ContainerConfig.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import * as Reference from "../../Reference.ts"
import type { Builder } from "./builder.ts"
import { Events } from "./events.ts"
import type { Fault } from "./fault.ts"
import { Faults, gone } from "./faults.ts"
import type { FileSystem } from "./files.ts"
import type { MemoryImage } from "./image.ts"
import type { Input } from "./input.ts"
import type { Journal } from "./journal.ts"
import type { Running } from "./process.ts"
import { Store } from "./store.ts"
import { Tree } from "./tree.ts"

/** A container that the engine holds. */
export interface Held {
  readonly id: string
  readonly name: string
  readonly config: ContainerConfig
  readonly image: MemoryImage
  readonly createdAt: DateTime.Utc
  readonly journal: Journal
  readonly files: FileSystem
  readonly execs: Set<Running>
  /** Whoever waits for the end of the run that is now, or comes next. */
  readonly waiting: Set<(exit: ExitStatus.ExitStatus) => void>
  input: Input
  state: ContainerState
  ports: ReadonlyArray<PortBinding>
  process: Running | undefined
  exit: ExitStatus.ExitStatus | undefined
  health: Health | undefined
  /** How often it was started again since somebody started it. */
  restarts: number
  /** Somebody wanted its end: it is not started again. */
  isStopped: boolean
  startedAt: DateTime.Utc | undefined
  finishedAt: DateTime.Utc | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The images that the engine holds from the beginning. Default: none. */
  readonly images?: ReadonlyArray<MemoryImage> | undefined
  /** What its registry has, under the names that the images have. Default: the same as `images`. */
  readonly registry?: ReadonlyArray<MemoryImage> | undefined
  /** What goes wrong. Default: nothing. More can be added while the program runs, with `Engine.fault`. */
  readonly faults?: ReadonlyArray<Fault> | undefined
  /** How long each operation takes, on the `Clock`. Default: no time. The same as a delay of `"*"`. */
  readonly latency?: Duration.Input | undefined
  /** Builds images in the place of the engine's own reading of Dockerfiles. */
  readonly build?: Builder | undefined
  /** Networks that exist besides `bridge`, `host` and `none`. */
  readonly networks?: ReadonlyArray<string> | undefined
}

interface StoredVolume {
  readonly info: VolumeInfo
  readonly tree: Tree
}

/** A network that was there from the beginning. */
const given = (name: string): NetworkInfo => ({
  id: createHash("sha256").update(name).digest("hex"),
  name,
  driver: name === "host" ? "host" : name === "none" ? "null" : "bridge",
  internal: false,
  ipv6: false,
  subnets: [],
  labels: {}
})

/** All that the engine holds. */
export class World {
  readonly store = new Store()
  readonly registry: Array<MemoryImage> = []
  readonly containers = new Map<string, Held>()
  readonly volumes = new Map<string, StoredVolume>()
  readonly networks: Map<string, NetworkInfo>
  readonly events = new Events()
  readonly faults: Faults
  readonly scope: Scope.Scope
  readonly builder: Builder | undefined

  constructor(options: Options, scope: Scope.Scope, now: DateTime.Utc, faults: ReadonlyArray<Fault>) {
    this.scope = scope
    this.builder = options.build
    this.networks = new Map(["bridge", "host", "none", ...options.networks ?? []].map((name) => [name, given(name)]))
    this.faults = new Faults(faults, () => this.#die())
    for (const image of options.images ?? []) this.store.add(image, image.name, now, "here")
    this.registry.push(...options.registry ?? options.images ?? [])
  }

  /** What runs is lost with the engine. */
  #die(): void {
    for (const held of this.containers.values()) {
      held.journal.fail(gone("logs"))
      held.process?.kill(new ExitStatus.Unknown())
      for (const exec of held.execs) exec.kill(new ExitStatus.Unknown())
    }
  }

  /** The files of a volume, which is made when it is not there. */
  volume(name: string): Tree {
    const volume = this.volumes.get(name) ?? { tree: new Tree(), info: { name, driver: "local", labels: {} } }
    this.volumes.set(name, volume)
    return volume.tree
  }

  /** By id, name, or the beginning of an id that no other has. */
  find(name: string): Held | undefined {
    const held = this.containers.get(name)
    if (held !== undefined) return held
    let found: Held | undefined
    for (const each of this.containers.values()) {
      if (each.name === name) return each
      if (name.length >= 12 && each.id.startsWith(name)) found = each
    }
    return found
  }

  users(imageId: string): { readonly running: number; readonly stopped: number } {
    const users = [...this.containers.values()].filter(({ image }) => image.id === imageId)
    const running = users.filter(({ state }) => state === "running").length
    return { running, stopped: users.length - running }
  }

  /** What the registry has under a name, for a platform. */
  remote(reference: Reference.Reference, platform: string): MemoryImage | undefined {
    return this.remotes(reference).find((image) => image.platform === platform)
  }

  /** What the registry has under a name, the newest first. */
  remotes(reference: Reference.Reference): ReadonlyArray<MemoryImage> {
    const wanted = Reference.withDefaultTag(reference)
    return this.registry.filter((image) => {
      const own = Reference.parseResult(image.name)
      if (Result.isFailure(own) || own.success.name !== wanted.name) return false
      return wanted.digest === undefined
        ? Reference.withDefaultTag(own.success).tag === wanted.tag
        : image.digest === wanted.digest
    }).toReversed()
  }
}

/** A container as the `Backend` shows it. */
export const infoOf = (held: Held): ContainerInfo => ({
  id: held.id,
  name: held.name,
  image: held.config.image,
  imageId: held.image.id,
  state: held.state,
  exit: held.exit,
  ...(held.health === undefined ? {} : { health: held.health }),
  restartCount: held.restarts,
  createdAt: held.createdAt,
  startedAt: held.startedAt,
  finishedAt: held.finishedAt,
  tty: held.config.tty,
  labels: held.config.labels,
  ports: held.state === "running" ? held.ports : []
})
