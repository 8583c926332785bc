/**
 * Turns the examples of the documentation into tests, so that none of them can be wrong.
 *
 * A block fenced as `ts import.meta.vitest`, in a comment of src or in a page of the repository, becomes a file of
 * test/doctest with one test. In it `expression // => value` asserts that both are equal (by `Equal.equals`, else
 * deeply); the expression may start on lines before, and a value that is not finished on its line goes on in the
 * comment lines below.
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const folder = "test/doctest"

interface Example {
  readonly file: string
  readonly line: number
  readonly code: ReadonlyArray<string>
}

const examplesOf = (file: string): ReadonlyArray<Example> => {
  const examples: Array<Example> = []
  const margin = file.endsWith(".md") ? /^/ : /^\s*\* ?/
  let code: Array<string> | undefined
  let start = 0
  for (const [index, raw] of readFileSync(file, "utf8").split("\n").entries()) {
    const line = raw.replace(margin, "")
    if (code === undefined) {
      if (line.trim() !== "```ts import.meta.vitest") continue
      code = []
      start = index + 1
    } else if (line.trim() === "```") {
      examples.push({ file, line: start, code })
      code = undefined
    } else code.push(line)
  }
  if (code !== undefined) throw new Error(`${file}:${start}: this example does not end`)
  return examples
}

/** Opened brackets less closed ones, strings and comments left aside. */
const depth = (text: string): number => {
  const bare = text.replaceAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|\/\/.*$/gm, "")
  return (bare.match(/[([{]/g)?.length ?? 0) - (bare.match(/[)\]}]/g)?.length ?? 0)
}

const test = ({ code, file, line }: Example): string => {
  const imports: Array<string> = []
  const body: Array<string> = []
  let assertions = 0
  for (let n = 0; n < code.length; n++) {
    const text = code[n] ?? ""
    if (/^import\b/.test(text)) {
      imports.push(text)
      for (; !/["'];?\s*$/.test(code[n] ?? "") && n < code.length; n++) imports.push(code[n + 1] ?? "")
      continue
    }
    const marked = /^(.*?)\s*\/\/ =>\s*(.*)$/.exec(text)
    if (marked === null) {
      body.push(text)
      continue
    }
    let expected = marked[2] ?? ""
    while (depth(expected) > 0 && /^\s*\/\//.test(code[n + 1] ?? "")) {
      n++
      expected += `\n${(code[n] ?? "").replace(/^\s*\/\/ ?/, "")}`
    }
    const expression = [marked[1] ?? ""]
    if (expression[0]?.trim() === "") expression[0] = body.pop() ?? ""
    // The dots of a chain and closing brackets belong to what is above them.
    while (body.length > 0 && (depth(expression.join("\n")) < 0 || /^\s*\./.test(expression[0] ?? ""))) {
      expression.unshift(body.pop() ?? "")
    }
    const whole = expression.join("\n").trim().replace(/^;/, "")
    const name = /^const (\w+)\b/.exec(whole)?.[1]
    if (name !== undefined) body.push(whole)
    body.push(`__equal(${name ?? whole}, ${expected})`)
    assertions++
  }
  if (assertions === 0) throw new Error(`${file}:${line}: this example asserts nothing; add \`// => value\``)
  return [
    `import { assert as __assert, it as __it } from "@effect/vitest"`,
    `import * as __Equal from "effect/Equal"`,
    ...imports,
    `const __equal = (actual: unknown, expected: unknown) => {`,
    `  if (!__Equal.equals(actual, expected)) __assert.deepStrictEqual(actual, expected)`,
    `}`,
    `__it(${JSON.stringify(`${file}:${line}`)}, async () => {`,
    ...body,
    `})`,
    ``
  ].join("\n")
}

const written = new Set<string>()
let count = 0
for (const file of [...globSync("src/**/*.ts"), ...globSync("*.md"), ...globSync("docs/**/*.md")].toSorted()) {
  for (const example of examplesOf(file)) {
    const path = join(folder, `${file.replace(/^src\//, "").replace(/\.(ts|md)$/, "")}-${example.line}.test.ts`)
    const text = test(example)
    written.add(path)
    mkdirSync(dirname(path), { recursive: true })
    // Unchanged files stay untouched: another run may be reading them.
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text)
    count++
  }
}
for (const path of globSync(`${folder}/**/*.test.ts`)) if (!written.has(path)) rmSync(path)
process.stdout.write(`${count} examples of the documentation are tests now\n`)
