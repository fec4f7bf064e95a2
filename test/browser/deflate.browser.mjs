// permessage-deflate with a real browser, with each window that the server may ask for (RFC 7692 §7.1.2).

import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocketServer } from '../../dist/index.mjs'
import { exchange, optionsFor, variants } from '../interop/messages.mjs'
import { launchChromium } from './chromium.mjs'

let browser
let page
let http

beforeAll(async () => {
  http = createServer((_, response) => response.end('<!doctype html><title>peer</title>')).listen(0, '127.0.0.1')
  ;[browser] = await Promise.all([launchChromium(), once(http, 'listening')])
  page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${http.address().port}/`)
})

afterAll(async () => {
  await browser?.close()
  http?.close()
})

describe('Chromium', () => {
  it.each([...variants([8, 9, 10, 11, 12, 13, 14, 15])])(
    'gives back the same: codec $codec, windows of $bits bits, no takeover $noTakeover',
    async ({ codec, bits, noTakeover }) => {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...optionsFor(codec, bits, noTakeover) })
      await once(server, 'listening')
      const connection = once(server, 'connection')
      const offered = once(server, 'headers')
      await page.evaluate((port) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}`)
        socket.binaryType = 'arraybuffer'
        socket.onmessage = ({ data }) => socket.send(data)
      }, server.address().port)
      const [headers] = await offered
      for (const side of ['server', 'client']) expect(headers.join('\n')).toContain(`${side}_max_window_bits=${bits}`)
      const [socket] = await connection
      const closed = once(socket, 'close')
      await exchange(socket)
      expect((await closed)[0]).toBe(1000)
      server.close()
    }
  )
})
