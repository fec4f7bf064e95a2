// Sends each line of standard input to an echo server and prints what comes back.
//
//   node echo-client.mjs [address]
//
// The default address is that of `npm start`; simple-server.mjs will do as well.

import { createInterface } from 'node:readline'
import WebSocket from 'hybi'

const ws = new WebSocket(process.argv[2] ?? 'ws://127.0.0.1:8080/echo')
let expected = 0
let inputEnded = false

function closeWhenDone() {
  if (inputEnded && expected === 0) ws.close()
}

ws.on('error', (error) => {
  console.error(`failed: ${error.message}`)
  process.exitCode = 1
  process.stdin.destroy()
})

ws.on('open', () => {
  console.log(`connected to ${ws.url}`)
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      expected++
      ws.send(line)
    })
    .on('close', () => {
      inputEnded = true
      closeWhenDone()
    })
})

ws.on('message', (data) => {
  console.log('< %s', data)
  expected--
  closeWhenDone()
})

ws.on('close', (code) => {
  console.log(`closed with ${code}`)
  process.stdin.destroy()
})
