import { homedir } from "node:os"
import { delimiter, join } from "node:path"
import { find, folders, isProgram } from "../find.ts"

/** What Buildah is, here. */
export interface Program {
  readonly buildah: string
  /** What it is started by, so that nothing of it outlives it. */
  readonly enter: ReadonlyArray<string>
  /** The variables that it gets: its own settings are not this process's. */
  readonly env: Readonly<Record<string, string>>
}

/** Which are missing, when it cannot be started. */
export const look = (
  { buildah, home, isRoot, path, runtime }: {
    /** Its path, where it was given. */
    readonly buildah: string | undefined
    readonly path: string | undefined
    readonly home: string | undefined
    /** `XDG_RUNTIME_DIR` */
    readonly runtime: string | undefined
    readonly isRoot: boolean
  }
): Program | ReadonlyArray<string> => {
  const places = folders(path)
  const program = buildah ?? find("buildah", places)
  const setpriv = find("setpriv", places)
  const unshare = find("unshare", places)
  const missing = [
    ...program === undefined || !isProgram(program) ? [buildah ?? "buildah"] : [],
    ...isRoot && setpriv === undefined ? ["setpriv"] : [],
    ...isRoot && unshare === undefined ? ["unshare"] : []
  ]
  if (program === undefined || missing.length > 0) return missing
  return {
    buildah: program,
    // Its processes and mounts are its own, and it goes with us. As another user it makes namespaces itself.
    enter: [
      ...setpriv === undefined ? [] : [setpriv, "--pdeathsig=KILL", "--"],
      ...isRoot && unshare !== undefined
        ? [unshare, "--mount", "--propagation=slave", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
        : []
    ],
    env: {
      PATH: places.join(delimiter),
      HOME: home ?? homedir(),
      ...(runtime === undefined ? {} : { XDG_RUNTIME_DIR: runtime }),
      LANG: "C"
    }
  }
}

/** Our own store: nobody else's images are in it, and nobody's settings apply. */
export const storeOf = (folder: string): { readonly root: string; readonly run: string } => ({
  root: join(folder, "buildah", "root"),
  run: join(folder, "buildah", "run")
})
