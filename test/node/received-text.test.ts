import { EventEmitter, once } from 'node:events'
import { describe, expect, test } from 'vitest'
import WebSocket from '../../src/index.js'
import { addEventListener } from '../../src/node/compat/event-target.js'
import { takesText } from '../../src/node/delivery/listeners.js'
import { kernelsFor } from '../../src/node/runtime/kernels.js'
import { textOf } from '../../src/node/delivery/text.js'
import { BINARY, buildFrame, TEST_KEY, TEXT } from '../support/frames.js'
import { eventually, link, linkRaw, type Socket } from './support/links.js'

type Message = { data: unknown }
type Handler = (event: Message) => void
interface Target {
  onmessage: Handler
  addEventListener(type: string, handler: Handler, options?: { once: boolean }): void
}

/** The side of `ws` that browsers have as well. */
function targetOf(ws: Socket): Target {
  return ws as unknown as Target
}

const SAMPLES = ['plain ASCII, ', 'Straße, déjà vu, ', 'Съешь же ещё ', '日本語の文章。', '👍🎉 ok ', `${'mostly '.repeat(20)}é`]
/** Around the lengths at which another way is taken. */
const LENGTHS = [0, 1, 3, 31, 32, 33, 127, 4096, 65_535, 262_144, 262_150, 1_048_570]

/** At most `length` octets of `sample` repeated, whole sequences. */
function textOfLength(sample: string, length: number): string {
  return Buffer.alloc(length, sample)
    .toString()
    .replace(/\ufffd+$/, '')
}

describe.each(['wasm', 'js', 'native', 'auto'] as const)('text as a string, with %s kernels', (name) => {
  const kernels = kernelsFor(name)

  test.each(LENGTHS)('of %i octets is what was sent, wherever it lies', (length) => {
    for (const sample of SAMPLES) {
      const text = textOfLength(sample, length)
      const octets = Buffer.from(`\ufeff${text}|`)
      const nonAscii = /[^\0-\x7f]/.test(text)
      if (textOf(octets, 3, octets.length - 1, nonAscii, kernels) !== text) expect.fail(sample)
      if (textOf(octets, 0, octets.length, true, kernels) !== `\ufeff${text}|`) expect.fail(sample)
      if (kernels.memory === undefined || length > 200_000) continue
      const { octets: memory, receiveRegion } = kernels.memory
      memory.set(octets, receiveRegion.start + 1)
      const start = receiveRegion.start + 4
      if (textOf(memory, start, start + octets.length - 4, nonAscii, kernels) !== text) expect.fail(sample)
    }
  })

  test('that nobody validated is decoded as Buffers do it', () => {
    const octets = Buffer.from('ff61c3', 'hex')
    expect(textOf(octets, 0, 3, true, null)).toBe('\ufffda\ufffd')
  })
})

test("goes as a string only to who cannot tell: handlers, by an emit that is Node's own", () => {
  const emitter = new EventEmitter()
  addEventListener.call(emitter, 'message', () => {})
  expect(takesText(emitter)).toBe(true)
  addEventListener.call(emitter, 'message', () => {})
  expect(takesText(emitter)).toBe(true)
  emitter.once('message', () => {})
  expect(takesText(emitter)).toBe(false)
  emitter.emit('message', Buffer.from('x'), false)
  expect(takesText(emitter)).toBe(true)
  emitter.emit = (...args) => Reflect.apply(EventEmitter.prototype.emit, emitter, args)
  expect(takesText(emitter)).toBe(false)
})

/** What `ws` gets of texts in one frame, cut frames, fragments and compressed messages. */
const MESSAGES = SAMPLES.flatMap((sample) => [5, 40, 300, 5000, 300_000].map((length) => textOfLength(sample, length)))

describe.each([false, true])('with perMessageDeflate %s', (perMessageDeflate) => {
  test('handlers of the EventTarget get every text as the string that was sent', async () => {
    const { server, client } = await link({ perMessageDeflate }, { perMessageDeflate })
    const received: unknown[] = []
    targetOf(client).onmessage = ({ data }) => received.push(data)
    for (const text of MESSAGES) server.send(text)
    await eventually(() => received.length === MESSAGES.length)
    expect(received.length).toBe(MESSAGES.length)
    expect(received.every((data, index) => data === MESSAGES[index])).toBe(true)
  })
})

test('text in fragments, with a sequence cut by the frames, is one string', async () => {
  const { server, peer } = await linkRaw()
  const received: unknown[] = []
  targetOf(server).onmessage = ({ data }) => received.push(data)
  const octets = Buffer.from('a€é')
  for (let cut = 1; cut < octets.length; cut++) {
    peer.socket.write(buildFrame({ opcode: TEXT, fin: false, payload: octets.subarray(0, cut), key: TEST_KEY }))
    peer.socket.write(buildFrame({ opcode: 0, payload: octets.subarray(cut), key: TEST_KEY }))
  }
  peer.socket.write(buildFrame({ opcode: TEXT, fin: false, payload: 'as', key: TEST_KEY }))
  peer.socket.write(buildFrame({ opcode: 0, payload: 'cii', key: TEST_KEY }))
  await eventually(() => received.length === octets.length)
  expect(received).toEqual([...Array<string>(octets.length - 1).fill('a€é'), 'ascii'])
})

test('with skipUTF8Validation, text that is not UTF-8 has replacement characters, in frames and in fragments', async () => {
  const { server, peer } = await linkRaw({ skipUTF8Validation: true })
  const received: unknown[] = []
  targetOf(server).onmessage = ({ data }) => received.push(data)
  const invalid = Buffer.concat([Buffer.from('ff', 'hex'), Buffer.alloc(100, 'aé'), Buffer.from('c3', 'hex')])
  peer.socket.write(buildFrame({ opcode: TEXT, payload: invalid, key: TEST_KEY }))
  peer.socket.write(buildFrame({ opcode: TEXT, fin: false, payload: invalid, key: TEST_KEY }))
  peer.socket.write(buildFrame({ opcode: 0, payload: '!', key: TEST_KEY }))
  await eventually(() => received.length === 2)
  expect(received).toEqual([invalid.toString(), `${invalid.toString()}!`])
})

describe('who else listens to messages', () => {
  const octets = Buffer.concat([
    buildFrame({ opcode: TEXT, payload: 'Grüße', key: TEST_KEY }),
    buildFrame({ opcode: BINARY, payload: 'octets', key: TEST_KEY })
  ])

  async function receive(prepare: (ws: Socket) => void): Promise<void> {
    const { server, peer } = await linkRaw()
    prepare(server)
    const done = new Promise<void>((resolve) => {
      server.on('ping', () => resolve())
    })
    peer.socket.write(Buffer.concat([octets, buildFrame({ opcode: 9, key: TEST_KEY })]))
    await done
  }

  test('gets Buffers, beside handlers that get strings', async () => {
    const received: unknown[] = []
    await receive((ws) => {
      targetOf(ws).onmessage = ({ data }) => received.push(data)
      targetOf(ws).addEventListener('message', ({ data }) => received.push(data))
      ws.on('message', (data: unknown, isBinary: boolean) => received.push(data, isBinary))
    })
    const [text, binary] = [Buffer.from('Grüße'), Buffer.from('octets')]
    expect(received).toEqual(['Grüße', 'Grüße', text, false, binary, binary, binary, true])
  })

  test('gets Buffers where it has replaced `emit`', async () => {
    const received: unknown[] = []
    await receive((ws) => {
      const emit = ws.emit.bind(ws)
      ws.emit = (type: string, ...args: unknown[]) => {
        if (type === 'message') received.push(args[0])
        return emit(type, ...args)
      }
      targetOf(ws).onmessage = ({ data }) => received.push(data)
    })
    expect(received).toEqual([Buffer.from('Grüße'), 'Grüße', Buffer.from('octets'), Buffer.from('octets')])
  })

  test('gets strings where all are handlers, also once', async () => {
    const received: unknown[] = []
    await receive((ws) => {
      targetOf(ws).addEventListener('message', ({ data }) => received.push(1, data))
      targetOf(ws).addEventListener('message', ({ data }) => received.push(2, data))
      targetOf(ws).addEventListener('message', ({ data }) => received.push(3, data), { once: true })
    })
    const binary = Buffer.from('octets')
    expect(received).toEqual([1, 'Grüße', 2, 'Grüße', 3, 'Grüße', 1, binary, 2, binary])
  })

  test('gets strings from a stream in object mode', async () => {
    const chunks: unknown[] = []
    await receive((ws) => {
      WebSocket.createWebSocketStream(ws, { readableObjectMode: true }).on('data', (chunk) => chunks.push(chunk))
    })
    await eventually(() => chunks.length === 2)
    expect(chunks).toEqual(['Grüße', Buffer.from('octets')])
  })

  test('gets Buffers from a stream of octets', async () => {
    const chunks: unknown[] = []
    await receive((ws) => {
      WebSocket.createWebSocketStream(ws).on('data', (chunk) => chunks.push(chunk))
    })
    await eventually(() => chunks.length === 2)
    expect(chunks).toEqual([Buffer.from('Grüße'), Buffer.from('octets')])
  })
})

test('handlers still get a string for a Buffer that somebody else emits', async () => {
  const { client } = await link()
  const [[event]] = await Promise.all([
    new Promise<[Message]>((resolve) => {
      targetOf(client).onmessage = (event) => resolve([event])
    }),
    once(client, 'message'),
    client.emit('message', Buffer.from('né'), false)
  ])
  expect(event.data).toBe('né')
})
