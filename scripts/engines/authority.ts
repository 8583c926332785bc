/**
 * A certificate authority that nobody knows, for a registry of the tests.
 */
import { execFile } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { inPath, script } from "./home.ts"

/** Files in PEM. */
export interface Certified {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

const settings = (address: string) =>
  `[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:${address}
`

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

/** Makes an authority and, by it, a certificate for an address. `tree` has an openssl where this machine has none. */
export const certify = async (folder: string, address: string, tree: string): Promise<Certified> => {
  const run = promisify(execFile)
  const programs = ["--mount", "--propagation", "private", "bash", script("inside.sh"), "programs", tree, "openssl"]
  const openssl = (args: ReadonlyArray<string>) =>
    inPath("openssl") ? run("openssl", args) : run("unshare", [...programs, ...args])
  mkdirSync(folder, { recursive: true })
  const at = (name: string) => join(folder, name)
  const [ca, certificate, key] = [at("ca.crt"), at("server.crt"), at("server.key")]
  const [config, caKey, asked] = [at("openssl.cnf"), at("ca.key"), at("server.csr")]
  writeFileSync(config, settings(address))
  const requested = ["req", "-config", config, ...newKey]
  const own = ["-x509", "-extensions", "authority", "-subj", "/CN=authority of a test", "-days", "2"]
  await openssl([...requested, ...own, "-keyout", caKey, "-out", ca])
  await openssl([...requested, "-subj", "/CN=registry of a test", "-keyout", key, "-out", asked])
  const by = ["-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-days", "2", "-extfile", config, "-extensions", "server"]
  await openssl(["x509", "-req", "-in", asked, ...by, "-out", certificate])
  return { ca, certificate, key }
}
