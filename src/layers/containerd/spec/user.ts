import * as Result from "effect/Result"
import type { User } from "./model.ts"

/** The files of an image in which users have their numbers; `undefined` where there is none. */
export interface Accounts {
  readonly passwd: string | undefined
  readonly group: string | undefined
}

/** Those of a container that knows no users. */
export const nobody: Accounts = { passwd: undefined, group: undefined }

interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

interface Group {
  readonly name: string
  readonly gid: number
  readonly members: ReadonlyArray<string>
}

/** The greatest number that a user or group can have. */
const greatest = 2 ** 31 - 1

const number = (text: string | undefined): number | undefined => {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined
  const value = Number(text)
  return value <= greatest ? value : undefined
}

const rows = (text: string | undefined): ReadonlyArray<ReadonlyArray<string>> =>
  (text ?? "").split("\n").flatMap((line) => line.trim() === "" || line.startsWith("#") ? [] : [line.trim().split(":")])

const accountsOf = (passwd: string | undefined): ReadonlyArray<Account> =>
  rows(passwd).flatMap(([name, , uid, gid]) => {
    const user = number(uid)
    const group = number(gid)
    return name === undefined || user === undefined || group === undefined ? [] : [{ name, uid: user, gid: group }]
  })

const groupsOf = (group: string | undefined): ReadonlyArray<Group> =>
  rows(group).flatMap(([name, , id, members = ""]) => {
    const gid = number(id)
    return name === undefined || gid === undefined
      ? []
      : [{ name, gid, members: members.split(",").filter((member) => member !== "") }]
  })

/**
 * Who `user`, `uid`, `user:group` or `uid:gid` is, with the groups that list the user's name. Fails with what is missing.
 */
export const resolve = (spec: string, { group, passwd }: Accounts): Result.Result<User, string> => {
  const [who = "", of] = spec.split(":", 2)
  const accounts = accountsOf(passwd)
  const uid = who === "" ? 0 : number(who)
  // A name that is all digits is first looked for as a name, as login(1) would.
  const account = accounts.find(({ name }) => name === who) ??
    (uid === undefined ? undefined : accounts.find((account) => account.uid === uid))
  if (account === undefined && uid === undefined) {
    return Result.fail(
      /^\d+$/.test(who)
        ? `the user id ${who} is out of range`
        : `the image has no user ${JSON.stringify(who)} in /etc/passwd`
    )
  }
  const groups = groupsOf(group)
  if (of !== undefined && of !== "") {
    const gid = groups.find(({ name }) => name === of)?.gid ?? number(of)
    return gid === undefined
      ? Result.fail(`the image has no group ${JSON.stringify(of)} in /etc/group`)
      : Result.succeed({ uid: account?.uid ?? uid ?? 0, gid, additionalGids: [] })
  }
  const gid = account?.gid ?? 0
  return Result.succeed({
    uid: account?.uid ?? uid ?? 0,
    gid,
    additionalGids: account === undefined
      ? []
      : [...new Set(groups.filter(({ members }) => members.includes(account.name)).map(({ gid }) => gid))]
  })
}
