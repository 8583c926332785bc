/**
 * The user to whom an engine belongs that does without root. This machine knows nobody of that number, nor of those that
 * he gives to the users in his containers; in the engine's own /etc he has a name.
 */
import { chmodSync, chownSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { script } from "./home.ts"

export const uid = 53_171

/** Root's own folders are closed to him. */
const folder = "/var/tmp/effect-containers-user"

/** What is his of all that an instance has. */
export const folderOf = (instance: string): string => join(folder, instance)

/** What he knows of himself. */
export const variables = (home: string): Readonly<Record<string, string>> => ({
  HOME: home,
  USER: "efc",
  LOGNAME: "efc",
  XDG_RUNTIME_DIR: join(home, "runtime")
})

/** A folder that is his alone, for all that one engine has. */
export const makeHome = (instance: string, name: string): string => {
  for (const path of [folder, folderOf(instance)]) {
    mkdirSync(path, { recursive: true })
    chmodSync(path, 0o711)
  }
  const home = join(folderOf(instance), name)
  give(home, "runtime")
  return home
}

/** Makes folders in his, which are his too. */
export const give = (home: string, ...names: ReadonlyArray<string>): void => {
  for (const path of [home, ...names.map((name) => join(home, name))]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    chownSync(path, uid, uid)
  }
}

/** What one of his programs is started with. */
export const asUser = ["setpriv", "--reuid", String(uid), "--regid", String(uid), "--clear-groups", "--inh-caps=-all"]

/** The same inside of an engine's namespaces; `cgroup`: where all that he starts can be found again. */
export const inside = (home: string, cgroup: string): ReadonlyArray<string> => [
  "bash",
  script("inside.sh"),
  "user",
  String(uid),
  home,
  cgroup,
  ...asUser,
  "env",
  ...Object.entries(variables(home)).map(([name, value]) => `${name}=${value}`)
]
