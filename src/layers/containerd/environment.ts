import * as Config from "effect/Config"
import type * as Effect from "effect/Effect"
import { homedir } from "node:os"
import { join } from "node:path"
import { variable } from "../registry/environment.ts"

const names = [
  "BUILDKIT_HOST",
  "CONTAINERD_ADDRESS",
  "CONTAINERD_NAMESPACE",
  "CONTAINERD_SNAPSHOTTER",
  "CNI_PATH",
  "XDG_RUNTIME_DIR",
  "XDG_DATA_HOME",
  "DOCKER_CONFIG",
  "EFFECT_CONTAINERS_BUILDAH",
  "EFFECT_CONTAINERS_CONTAINERD",
  "EFFECT_CONTAINERS_FOLDER",
  "EFFECT_CONTAINERS_ROOTLESSKIT",
  "EFFECT_CONTAINERS_RUNC",
  "HOME",
  "PATH"
] as const

/** The variables that containerd's own clients look at, and ours. An empty one is like none. */
export type Environment = { readonly [Name in (typeof names)[number]]: string | undefined }

/** Read from the `ConfigProvider`, which is the process's environment unless a program says otherwise. */
export const read: Effect.Effect<Environment, Config.ConfigError> = Config.all({
  BUILDKIT_HOST: variable("BUILDKIT_HOST"),
  CONTAINERD_ADDRESS: variable("CONTAINERD_ADDRESS"),
  CONTAINERD_NAMESPACE: variable("CONTAINERD_NAMESPACE"),
  CONTAINERD_SNAPSHOTTER: variable("CONTAINERD_SNAPSHOTTER"),
  CNI_PATH: variable("CNI_PATH"),
  XDG_RUNTIME_DIR: variable("XDG_RUNTIME_DIR"),
  XDG_DATA_HOME: variable("XDG_DATA_HOME"),
  DOCKER_CONFIG: variable("DOCKER_CONFIG"),
  EFFECT_CONTAINERS_BUILDAH: variable("EFFECT_CONTAINERS_BUILDAH"),
  EFFECT_CONTAINERS_CONTAINERD: variable("EFFECT_CONTAINERS_CONTAINERD"),
  EFFECT_CONTAINERS_FOLDER: variable("EFFECT_CONTAINERS_FOLDER"),
  EFFECT_CONTAINERS_ROOTLESSKIT: variable("EFFECT_CONTAINERS_ROOTLESSKIT"),
  EFFECT_CONTAINERS_RUNC: variable("EFFECT_CONTAINERS_RUNC"),
  HOME: variable("HOME"),
  PATH: variable("PATH")
})

const isRoot = process.getuid?.() === 0

/** Where our own files are. */
export const dataFolder = (environment: Environment): string =>
  isRoot
    ? "/var/lib/effect-containers"
    : join(
      environment.XDG_DATA_HOME ?? join(environment.HOME ?? homedir(), ".local", "share"),
      "effect-containers"
    )
