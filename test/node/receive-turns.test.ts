import { expect, test } from 'vitest'
import { buildFrame, TEST_KEY } from '../support/frames.js'
import { linkRaw, turns } from './support/links.js'

/** A socket that reads into the shared region, with what Node calls for each of its reads. */
interface SharedSocket {
  isPaused(): boolean
  [key: symbol]: unknown
}

function keyOf(socket: SharedSocket, description: string): symbol {
  const keys = [...Object.getOwnPropertySymbols(socket), ...Object.getOwnPropertySymbols(Object.getPrototypeOf(socket))]
  return keys.find((key) => key.description === description)!
}

test('a socket that always has more leaves the event loop to others after 512 KiB, and reads on in the next turn', async () => {
  const { server } = await linkRaw({ receiveBuffer: 'shared' })
  const socket = (server as unknown as { _socket: SharedSocket })._socket
  const region = socket[keyOf(socket, 'kBuffer')] as Buffer
  const read = (length: number): void => void (socket[keyOf(socket, 'kBufferCb')] as (length: number) => boolean)(length)
  const begin = buildFrame({ opcode: 2, payload: Buffer.alloc(50 * region.length), key: TEST_KEY })
  begin.copy(region)

  for (let round = 0; round < 2; round++) {
    const mostReads = (512 * 1024) / region.length
    for (let i = 1; i < mostReads; i++) read(region.length)
    expect(socket.isPaused()).toBe(false)
    read(region.length)
    expect(socket.isPaused()).toBe(true)
    await turns(2)
    expect(socket.isPaused()).toBe(false)
  }

  // one that has to be waited for ends a row
  for (let i = 0; i < 20; i++) read(i % 2 === 1 ? 1000 : region.length)
  expect(socket.isPaused()).toBe(false)

  // who paused it meanwhile is not overruled
  const rest = (512 * 1024) / region.length
  for (let i = 0; i < rest; i++) read(region.length)
  server.pause()
  await turns(2)
  expect(socket.isPaused()).toBe(true)
  server.resume()
  expect(socket.isPaused()).toBe(false)
  server.terminate()
})
