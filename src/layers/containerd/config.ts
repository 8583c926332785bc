import * as Schema from "effect/Schema"
import { RegistryConfig } from "../registry/config.ts"

const Milliseconds = Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

const Path = Schema.String.check(Schema.isPattern(/^\//))

/**
 * A containerd of one's own, which runs as long as a program uses it. Everything may be left out.
 *
 * Programs that name the same folder share it. With the last of them it goes, however that ends, and all that runs in it
 * goes too, containers that were to outlive their program among them; images stay in the folder for the next program.
 * What is there after the keeper of the engine was killed is removed by the next start.
 *
 * It needs the programs of containerd and runc, for a user who is not root also rootlesskit, newuidmap and newgidmap, and
 * util-linux. Its containers are in the namespace that is chosen, with the folder's mark at its end: cgroups are known to
 * the whole machine by that name.
 *
 * - `when`: `"needed"` (the default), when no other answers; `"always"`, without looking for another.
 * - `folder`: absolute. Default: `EFFECT_CONTAINERS_FOLDER`, else `private` in the folder of our files.
 * - `containerd`, `runc`, `rootlesskit`: absolute paths of the programs. Default: `EFFECT_CONTAINERS_CONTAINERD`, `_RUNC`
 *   and `_ROOTLESSKIT`, else those in `PATH`. A containerd that is given finds its own shims and runc.
 * - `readyTimeout`: milliseconds within which it is ready. Default 15000; it takes a fraction of a second.
 *
 * @category models
 * @since 0.1.0
 */
export const AutoStart = Schema.Struct({
  when: Schema.optional(Schema.Literals(["needed", "always"])),
  folder: Schema.optional(Path),
  containerd: Schema.optional(Path),
  runc: Schema.optional(Path),
  rootlesskit: Schema.optional(Path),
  readyTimeout: Schema.optional(Milliseconds)
})

/**
 * @category models
 * @since 0.1.0
 */
export type AutoStart = typeof AutoStart.Type

/**
 * How to reach a containerd. Everything may be left out.
 *
 * - `address`: absolute path of its socket, with or without `unix://`. Default: `CONTAINERD_ADDRESS`, else
 *   `/run/containerd/containerd.sock`, else a rootless one's.
 * - `namespace`: whose images and containers these are. Default: `CONTAINERD_NAMESPACE`, else `effect-containers`, so
 *   that other users of the same containerd see nothing of ours and we nothing of theirs.
 * - `snapshotter`: default `CONTAINERD_SNAPSHOTTER`, else `overlayfs`, or `native` where that does not work.
 * - `runtime`: `"runc"` (the default), `"runsc"` for gVisor, or what containerd calls it (`io.containerd.kata.v2`) with
 *   the path of the program that its shim is to run.
 * - `rootless`: whether the engine belongs to an unprivileged user: `"auto"` (the default) looks, `"enabled"` and
 *   `"disabled"` say so.
 * - `network`: what a container gets that asks for no network: `"none"` (the default) or `"host"`.
 * - `folder`: where our own files are, which shims read and write: logs and pipes. Absolute, and the same path for the
 *   engine. Default: `/var/lib/effect-containers` for root, else `$XDG_DATA_HOME/effect-containers`.
 * - `autoStart`: whether a private one is started, see {@link AutoStart}: `false` (the default), `true` or what is to be
 *   said about it, or `"always"`. Where an `address` is chosen, none is; `"always"` minds no variable.
 * - `registries`: mirrors, certificates and the like.
 * - `connectTimeout`: milliseconds within which an engine answers the first question. Default 5000.
 * - `requestTimeout`: milliseconds within which it answers what needs no waiting. Default 60000.
 *
 * @category models
 * @since 0.1.0
 */
export const ContainerdConfig = Schema.Struct({
  address: Schema.optional(Schema.String.check(Schema.isPattern(/^(?:unix:\/\/)?\//))),
  namespace: Schema.optional(
    Schema.String.check(Schema.isPattern(/^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$/), Schema.isMaxLength(76))
  ),
  snapshotter: Schema.optional(Schema.String),
  runtime: Schema.optional(Schema.Union([
    Schema.Literals(["runc", "runsc"]),
    Schema.Struct({ name: Schema.String, binary: Schema.optional(Schema.String) })
  ])),
  rootless: Schema.optional(Schema.Literals(["auto", "enabled", "disabled"])),
  network: Schema.optional(Schema.Literals(["none", "host"])),
  folder: Schema.optional(Path),
  autoStart: Schema.optional(Schema.Union([Schema.Boolean, Schema.Literal("always"), AutoStart])),
  registries: Schema.optional(RegistryConfig),
  connectTimeout: Schema.optional(Milliseconds),
  requestTimeout: Schema.optional(Milliseconds)
})

/**
 * @category models
 * @since 0.1.0
 */
export type ContainerdConfig = typeof ContainerdConfig.Type
