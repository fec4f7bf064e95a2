// Starts the demo server as a process of its own and reads what it prints.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const SERVER = fileURLToPath(new URL('../../examples/demo/server.mjs', import.meta.url))

const STDIO = ['ignore', 'pipe', 'pipe']

/** A started demo: its process, all that it printed so far, and how it ends. */
export function startDemo(...args) {
  return observe(spawn(process.execPath, [SERVER, ...args], { stdio: STDIO }))
}

/** The same as `npm start` runs it: below a shell, which does not pass signals on. */
export function startDemoUnderShell() {
  const env = { ...process.env, npm_lifecycle_event: 'start' }
  return observe(spawn('sh', ['-c', `"${process.execPath}" "${SERVER}" --port 0; exit $?`], { stdio: STDIO, env }))
}

function observe(child) {
  const demo = {
    child,
    output: '',
    errors: '',
    /** Exit code and signal, once it ended. */
    ended: once(child, 'close').then(([code, signal]) => ({ code, signal })),
    /** Resolves with the match once the output matches; rejects where the process ends before. */
    printed(pattern) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(demo.output)
          if (match) resolve(match)
          return match !== null
        }
        if (look()) return
        child.stdout.on('data', look)
        demo.ended.then(({ code }) => {
          if (!look()) reject(new Error(`the demo ended with ${code} before it printed ${pattern}:\n${demo.output}${demo.errors}`))
        })
      })
    },
    /** Base address of a demo that is ready. */
    async ready() {
      const [, address] = await demo.printed(/^Serving (http:\S+)\/$/m)
      await demo.printed(/^Ctrl-C stops/m)
      return address
    },
    /** What Ctrl-C does. */
    interrupt() {
      child.kill('SIGINT')
      return demo.ended
    }
  }
  child.stdout.setEncoding('utf8').on('data', (text) => (demo.output += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (demo.errors += text))
  return demo
}
