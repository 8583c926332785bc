/** The contenders that speak to Docker, by the names under which they are rows. */
import { join } from "node:path"
import { suite } from "../../scripts/engines/home.ts"
import { commonSuite } from "../../scripts/engines/table.ts"
import { ours } from "../measure/table.ts"

export const modules: Readonly<Record<string, string>> = {
  raw: "rivals/raw",
  [ours]: "rivals/ours",
  dockerode: "rivals/dockerode",
  "@docker/node-sdk": "rivals/nodeSdk",
  testcontainers: "rivals/testcontainers",
  "docker CLI": "rivals/cli"
}

/** The program `docker`, downloaded by the first that asks. */
export const cli = async (): Promise<string> => join(await suite(commonSuite, "cli"), "usr/bin/docker")
