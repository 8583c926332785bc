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
 * - `readyTimeout`: milliseconds within which it is ready. Default 30000; it takes a fraction of a second.
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

const Ipv4Subnet = Schema.String.check(Schema.isPattern(/^\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2}$/))

/**
 * How containers are connected: by CNI plugins, the programs that Kubernetes and nerdctl use as well. Everything may be
 * left out. They need root, so a rootless engine has `host` and `none` alone.
 *
 * Where the plugins `bridge` and `host-local` are there, a container that asks for no network is on a bridge of ours,
 * with an address of its own and a way out; with `portmap` its ports can be published. A port of this machine leads to
 * the container before any program that listens on it.
 *
 * - `plugins`: the folders of the plugins' programs. Default: `CNI_PATH`, else `/opt/cni/bin`, `/usr/lib/cni` and
 *   `/usr/libexec/cni`.
 * - `networks`: the folder in which other networks are described. Default `/etc/cni/net.d`. A container asks for one by
 *   the name in its description; `"bridge"` is the default one.
 * - `bridge`: the default network's link. Default `efc0`.
 * - `subnet`: the default network's addresses. Default `10.87.0.0/16`.
 * - `pool`: of what networks that programs make (`Network.make`) get their addresses, 256 each. Default `10.160.0.0/12`.
 *
 * Networks that programs make need the program `ip` (iproute2) too. Their containers find each other by `/etc/hosts`,
 * which has the names and aliases of all that run in them and is kept up to date while a container runs: whoever asks a
 * name server and not that file finds nobody, and what a container writes there itself does not stay. Each is a bridge
 * that other networks of this machine's containers do not reach, unless the program has chosen the subnets of both
 * outside of the pool. They have addresses of IPv4.
 *
 * @category models
 * @since 0.1.0
 */
export const Cni = Schema.Struct({
  plugins: Schema.optional(Schema.Union([Path, Schema.Array(Path)])),
  networks: Schema.optional(Path),
  bridge: Schema.optional(Schema.String.check(Schema.isPattern(/^[\w.-]{1,15}$/))),
  subnet: Schema.optional(Ipv4Subnet),
  pool: Schema.optional(Ipv4Subnet)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Cni = typeof Cni.Type

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
 * - `seccomp`: `"default"` filters the system calls of containers as Docker does, `"unconfined"` does not. Privileged ones
 *   are never filtered.
 * - `rootless`: whether the engine belongs to an unprivileged user: `"auto"` (the default) looks, `"enabled"` and
 *   `"disabled"` say so.
 * - `network`: what a container gets that asks for no network: `"bridge"` (the default where there are CNI plugins),
 *   `"none"` or `"host"`.
 * - `cni`: see {@link Cni}.
 * - `folder`: where our own files are, which shims read and write: logs and pipes. Absolute, and the same path for the
 *   engine. Default: `/var/lib/effect-containers` for root, else `$XDG_DATA_HOME/effect-containers`.
 * - `autoStart`: whether a private one is started, see {@link AutoStart}: `false` (the default), `true` or what is to be
 *   said about it, or `"always"`. Where an `address` is chosen, none is; `"always"` minds no variable.
 * - `registries`: mirrors, certificates and the like.
 * - `builder`: what builds images: `"auto"` (the default) looks for BuildKit and then for Buildah when the first image is
 *   built, `"buildkit"` and `"buildah"` for the one, `"none"` builds nothing. Base images come from containerd and to it
 *   from their registries, whatever builds; BuildKit asks a registry only for what a `# syntax=` line names. With Buildah,
 *   what a `RUN` does sees the host's network; with BuildKit, the network that its own configuration says.
 * - `buildkit`: absolute path of its socket, with or without `unix://`. Default: `BUILDKIT_HOST`, else
 *   `/run/buildkit-NAMESPACE/buildkitd.sock`, then the ones in `buildkit-default` and `buildkit`; for a user who is not
 *   root below `$XDG_RUNTIME_DIR`. It may be any from 0.11 on, with whatever worker.
 * - `buildah`: absolute path of the program. Default: `EFFECT_CONTAINERS_BUILDAH`, else the one in `PATH`.
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
  seccomp: Schema.optional(Schema.Literals(["default", "unconfined"])),
  rootless: Schema.optional(Schema.Literals(["auto", "enabled", "disabled"])),
  network: Schema.optional(Schema.Literals(["bridge", "none", "host"])),
  cni: Schema.optional(Cni),
  folder: Schema.optional(Path),
  autoStart: Schema.optional(Schema.Union([Schema.Boolean, Schema.Literal("always"), AutoStart])),
  registries: Schema.optional(RegistryConfig),
  builder: Schema.optional(Schema.Literals(["auto", "buildkit", "buildah", "none"])),
  buildkit: Schema.optional(Schema.String.check(Schema.isPattern(/^(?:unix:\/\/)?\//))),
  buildah: Schema.optional(Path),
  connectTimeout: Schema.optional(Milliseconds),
  requestTimeout: Schema.optional(Milliseconds)
})

/**
 * @category models
 * @since 0.1.0
 */
export type ContainerdConfig = typeof ContainerdConfig.Type
