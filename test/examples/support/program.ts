import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The package's own folder. */
export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** A self-signed certificate for localhost and its key, as files. */
export const certificate = join(root, 'examples/certificates/cert.pem')
export const certificateKey = join(root, 'examples/certificates/key.pem')

export interface Settings {
  args?: string[]
  cwd?: string
  env?: Record<string, string>
}

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A Node process that a test started; it is killed when the test is over. */
export interface Program {
  /** Resolves with the first match in what the program has printed or prints from now on; rejects if it ends without one. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** Writes to the program's standard input. */
  type(text: string): void
  endInput(): void
  /** Sends SIGINT, as Ctrl-C does. */
  interrupt(): void
  ended: Promise<Ending>
}

/** Runs a file with this Node. */
export function start(file: string, settings: Settings = {}): Program {
  const child = spawn(process.execPath, [file, ...(settings.args ?? [])], {
    cwd: settings.cwd ?? root,
    env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate, FORCE_COLOR: '0', ...settings.env }
  })
  onTestFinished(() => void child.kill('SIGKILL'))

  let stdout = ''
  let stderr = ''
  let watchers: (() => void)[] = []
  const notify = () => watchers.forEach((watcher) => watcher())
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    notify()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // What a program leaves unread when it ends is no concern of the test.
  child.stdin.on('error', () => {})

  let ending: Ending | undefined
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      ending = { code, signal, stdout, stderr }
      resolve(ending)
      notify()
    })
  })

  return {
    printed(pattern) {
      return new Promise((resolve, reject) => {
        const watcher = () => {
          const match = pattern.exec(stdout)
          if (match) resolve(match)
          else if (ending) reject(new Error(`${file} ended without printing ${pattern}: ${JSON.stringify(ending, null, 2)}`))
          else return
          watchers = watchers.filter((other) => other !== watcher)
        }
        watchers.push(watcher)
        watcher()
      })
    },
    type(text) {
      child.stdin.write(text)
    },
    endInput() {
      child.stdin.end()
    },
    interrupt() {
      child.kill('SIGINT')
    },
    ended
  }
}

/** Runs a file to its end. */
export function run(file: string, settings?: Settings): Promise<Ending> {
  return start(file, settings).ended
}

/** A new folder inside the package, so that programs in it find the package by its name; it is removed when the test is over. */
export function scratchFolder(): string {
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp/examples-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes a program into a new folder and gives its path. Programs that import are ES modules, others CommonJS. */
export function writeProgram(source: string): string {
  const file = join(scratchFolder(), /^\s*import /m.test(source) ? 'program.mjs' : 'program.cjs')
  writeFileSync(file, source)
  return file
}

let lastPort = 0

/**
 * A port that nothing listens on, for programs that name theirs in their text. It lies below the range from which systems
 * choose ports by themselves, and each test process looks for it in a place of its own.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    lastPort = lastPort === 0 ? 12_000 + (process.pid % 2_000) * 10 : lastPort + 1
    const port = lastPort
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.on('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (free) return port
  }
}

export interface CodeBlock {
  /** The nearest heading above the block, without its marks. */
  heading: string
  language: string
  /** The first line of the block in its document, counted from 1. */
  line: number
  text: string
}

/** The fenced code blocks of a Markdown text. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  let heading = ''
  let block: CodeBlock | undefined
  markdown.split('\n').forEach((text, index) => {
    const fence = /^```(\w*)\s*$/.exec(text)
    if (block) {
      if (fence) {
        blocks.push(block)
        block = undefined
      } else block.text += text + '\n'
    } else if (fence) block = { heading, language: fence[1], line: index + 2, text: '' }
    else heading = /^#+ (.*)$/.exec(text)?.[1] ?? heading
  })
  return blocks
}
