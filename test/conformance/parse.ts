/**
 * As much of a shell's grammar as the conformance cases write (POSIX.1-2017, XCU 2): lists with `;`, `&&` and `||`,
 * pipelines, `while` and `until`, quotes, variables, `$(...)`, redirections.
 */
export type Part =
  | { readonly type: "text"; readonly text: string; readonly quoted: boolean }
  | { readonly type: "variable"; readonly name: string; readonly quoted: boolean }
  | { readonly type: "command"; readonly list: List; readonly quoted: boolean }

export type Word = ReadonlyArray<Part>

export interface Redirect {
  readonly fd: 0 | 1 | 2
  readonly kind: "<" | ">" | ">>" | ">&"
  readonly target: Word
}

export type Command =
  | { readonly type: "simple"; readonly words: ReadonlyArray<Word>; readonly redirects: ReadonlyArray<Redirect> }
  | { readonly type: "loop"; readonly until: boolean; readonly condition: List; readonly body: List }

export interface Item {
  readonly commands: ReadonlyArray<Command>
  /** What stands between it and the one before. */
  readonly before: ";" | "&&" | "||"
}

export type List = ReadonlyArray<Item>

export class SyntaxError extends Error {}

/** Reads a script. Throws a `SyntaxError`: a case that writes more than this understands is to be seen. */
export const parse = (script: string): List => {
  const parser = new Parser(script)
  const list = parser.list([])
  parser.end()
  return list
}

const operators = ["&&", "||", ">>", ">&", ";", "|", "<", ">", "\n", "(", ")"]

class Parser {
  readonly #script: string
  #at = 0

  constructor(script: string) {
    this.#script = script
  }

  #blanks(): void {
    while (this.#script[this.#at] === " " || this.#script[this.#at] === "\t") this.#at++
  }

  #operator(): string | undefined {
    this.#blanks()
    return operators.find((operator) => this.#script.startsWith(operator, this.#at))
  }

  /** Takes an operator if it is the next thing. */
  #take(...wanted: ReadonlyArray<string>): string | undefined {
    const operator = this.#operator()
    if (operator === undefined || !wanted.includes(operator)) return undefined
    this.#at += operator.length
    return operator
  }

  #peekWord(): string {
    this.#blanks()
    return /^[a-z]+(?=[\s;]|$)/.exec(this.#script.slice(this.#at))?.[0] ?? ""
  }

  #expectWord(word: string): void {
    if (this.#peekWord() !== word) throw new SyntaxError(`expected ${word} at ${this.#at} of ${this.#script}`)
    this.#at += word.length
  }

  end(): void {
    this.#blanks()
    if (this.#at < this.#script.length) throw new SyntaxError(`cannot read ${this.#script.slice(this.#at)}`)
  }

  list(ends: ReadonlyArray<string>): List {
    const items: Array<Item> = []
    let before: Item["before"] = ";"
    for (;;) {
      while (this.#take(";", "\n") !== undefined);
      this.#blanks()
      if (this.#at >= this.#script.length || this.#operator() === ")" || ends.includes(this.#peekWord())) return items
      const commands = [this.#command()]
      while (this.#take("|") !== undefined) commands.push(this.#command())
      items.push({ commands, before })
      const operator = this.#take("&&", "||", ";", "\n")
      before = operator === "&&" || operator === "||" ? operator : ";"
    }
  }

  #command(): Command {
    const keyword = this.#peekWord()
    if (keyword !== "while" && keyword !== "until") return this.#simple()
    this.#at += keyword.length
    const condition = this.list(["do"])
    this.#expectWord("do")
    const body = this.list(["done"])
    this.#expectWord("done")
    return { type: "loop", until: keyword === "until", condition, body }
  }

  #simple(): Command {
    const words: Array<Word> = []
    const redirects: Array<Redirect> = []
    for (;;) {
      this.#blanks()
      const numbered = /^[012](?=[<>])/.exec(this.#script.slice(this.#at))
      if (numbered !== null) this.#at++
      const kind = this.#take("<", ">", ">>", ">&")
      if (kind !== undefined) {
        const fd = numbered === null ? kind === "<" ? 0 : 1 : Number(numbered[0])
        redirects.push({ fd: fd as Redirect["fd"], kind: kind as Redirect["kind"], target: this.#word() })
        continue
      }
      if (this.#at >= this.#script.length || this.#operator() !== undefined) {
        // Nothing would be taken from the script, and whoever asks for the next one asks for ever.
        if (words.length + redirects.length === 0) {
          throw new SyntaxError(`expected a command at ${this.#at} of ${this.#script}`)
        }
        return { type: "simple", words, redirects }
      }
      words.push(this.#word())
    }
  }

  #word(): Word {
    this.#blanks()
    const parts: Array<Part> = []
    let text = ""
    const flush = (quoted: boolean) => {
      if (text !== "" || quoted) parts.push({ type: "text", text, quoted })
      text = ""
    }
    for (;;) {
      const char = this.#script[this.#at]
      if (char === undefined || /[\s;|<>()]/.test(char) || this.#script.startsWith("&&", this.#at)) break
      this.#at++
      if (char === "'") {
        flush(false)
        const end = this.#script.indexOf("'", this.#at)
        text = this.#script.slice(this.#at, end)
        this.#at = end + 1
        flush(true)
      } else if (char === "\"") {
        flush(false)
        flush(true)
        for (;;) {
          const inner = this.#script[this.#at++]
          if (inner === undefined) throw new SyntaxError(`a quote is not closed in ${this.#script}`)
          if (inner === "\"") break
          if (inner === "\\" && /["$\\`]/.test(this.#script[this.#at]!)) text += this.#script[this.#at++]!
          else if (inner === "$") {
            flush(true)
            parts.push(this.#dollar(true))
          } else text += inner
        }
        flush(true)
      } else if (char === "\\") text += this.#script[this.#at++]!
      else if (char === "$") {
        flush(false)
        parts.push(this.#dollar(false))
      } else text += char
    }
    flush(false)
    return parts
  }

  #dollar(quoted: boolean): Part {
    const rest = this.#script.slice(this.#at)
    if (rest.startsWith("(")) {
      this.#at++
      const list = this.list([])
      if (this.#take(")") === undefined) throw new SyntaxError(`$( is not closed in ${this.#script}`)
      return { type: "command", list, quoted }
    }
    const name = /^(?:[A-Za-z_]\w*|[?$])/.exec(rest)?.[0]
    if (name === undefined) return { type: "text", text: "$", quoted }
    this.#at += name.length
    return { type: "variable", name, quoted }
  }
}
