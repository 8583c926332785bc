/**
 * Makes an image of a real PostgreSQL out of Debian's packages: what examples and their tests take for a database.
 *
 * It is told what to be as others are: `POSTGRES_USER` (default `postgres`) and `POSTGRES_PASSWORD`, without which nobody
 * gets in over a network. Its files are in `PGDATA`, which it fills when it is empty.
 */
import { execFile } from "node:child_process"
import { readdirSync } from "node:fs"
import { promisify } from "node:util"
import { suite } from "./home.ts"
import { type Image, makeImage } from "./image.ts"
import { commonSuite } from "./table.ts"

/** What compiles queries, what it speaks other languages by, and what belongs to those alone: more than all the rest. */
const leftOut = ["libLLVM*", "libz3*", "libclang*", "libperl*", "perl", "perl-base", "bitcode", "llvmjit*"]

const start = (programs: string) =>
  `#!/bin/sh
set -e
export PATH=${programs}:$PATH
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  (umask 077; printf '%s' "\${POSTGRES_PASSWORD:-$(head -c 24 /dev/urandom | base64)}" > /tmp/password)
  initdb --username="\${POSTGRES_USER:-postgres}" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \\
    --encoding=UTF8 --locale=C --set=timezone=GMT --set=log_timezone=GMT --no-sync --no-instructions
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp
`

/** The image; rejects with an `EnginesError` where Debian's packages cannot be had. */
export const makePostgres = async (): Promise<Image> => {
  const tree = await suite(commonSuite, "postgres")
  const [version = ""] = readdirSync(`${tree}/usr/lib/postgresql`)
  const args = ["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]
  const paths = ["lib", "lib64", "usr/lib", "usr/lib64", `usr/share/postgresql/${version}`]
  const { stdout } = await promisify(execFile)(
    "tar",
    [...args, "--directory", tree, ...leftOut.map((name) => `--exclude=${name}`), ...paths],
    { encoding: "buffer", maxBuffer: 1 << 30 }
  )
  const programs = `/usr/lib/postgresql/${version}/bin`
  const owner = { uid: 999, gid: 999 }
  return makeImage({
    tree: stdout,
    layers: [{
      "etc/passwd": "root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999:postgres:/var/lib/postgresql:/bin/sh\n",
      "etc/group": "root:x:0:\npostgres:x:999:\n",
      "usr/local/bin/start": { contents: Buffer.from(start(programs)), mode: 0o755 },
      "var/lib/postgresql": { type: "directory", mode: 0o700, ...owner }
    }],
    config: {
      Env: [
        `PATH=${programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        "PGDATA=/var/lib/postgresql/data"
      ],
      User: "postgres",
      Entrypoint: ["/usr/local/bin/start"],
      Cmd: [],
      ExposedPorts: { "5432/tcp": {} },
      // What it calls a fast shutdown: it waits for nobody, and loses nothing.
      StopSignal: "SIGINT"
    }
  })
}
