// The examples and rules of RFC 6455, by section.

import { describe, expect, test } from 'vitest'
import { isValidCloseCode, serializeClosePayload } from '../../src/core/close.js'
import { acceptKey, checkRequest, checkResponse } from '../../src/core/opening-handshake.js'
import { OctetQueue } from '../../src/core/octet-queue.js'
import { Sender } from '../../src/core/sender.js'
import { parse as parseExtensions } from '../../src/core/extension.js'
import { parse as parseSubprotocols } from '../../src/core/subprotocol.js'
import {
  binary,
  closed,
  expectEventsOf,
  js,
  ping,
  pong,
  runtime,
  text,
  VIOLATIONS,
  wasm,
  sendMessage,
  sendControl
} from '../core/support.js'

const SERVER = true
const CLIENT = false

/** Octets from hexadecimal digits, blanks between them ignored. */
function octets(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')
}

/** What a sender writes, in hexadecimal digits, with each kernel set; the key is that of the examples. */
function sent(send: (sender: Sender) => void): string {
  const [first, second] = [js, wasm].map((kernels) => {
    const queue = new OctetQueue(runtime)
    send(new Sender({ kernels, runtime, maskingKeys: () => 0x3d21fa37 }, queue))
    return Buffer.concat(queue.take()).toString('hex')
  })
  expect(second).toBe(first)
  return first
}

function hex(spaced: string): string {
  return octets(spaced).toString('hex')
}

describe('§1.2, §1.3 opening handshake', () => {
  const headers = {
    host: 'server.example.com',
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    origin: 'http://example.com',
    'sec-websocket-protocol': 'chat, superchat',
    'sec-websocket-version': '13'
  }

  test('§1.3: the key of the example and its accept key', () => {
    expect(acceptKey('dGhlIHNhbXBsZSBub25jZQ==', runtime)).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  })

  test('§1.2: the request of the example is taken', () => {
    expect(checkRequest({ method: 'GET', headers })).toBeNull()
    expect([...parseSubprotocols(headers['sec-websocket-protocol'])]).toEqual(['chat', 'superchat'])
  })

  test('§1.2: the response of the example is taken', () => {
    const response = {
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      'sec-websocket-protocol': 'chat'
    }
    const expectation = {
      accept: acceptKey('dGhlIHNhbXBsZSBub25jZQ==', runtime),
      subprotocols: new Set(['chat', 'superchat']),
      acceptDeflate: null
    }
    expect(checkResponse(response, expectation)).toEqual({ error: null, subprotocol: 'chat', deflate: false })
  })

  test('§4.4: a version that is not known is answered with those that are', () => {
    expect(checkRequest({ method: 'GET', headers: { ...headers, 'sec-websocket-version': '25' } })).toMatchObject({
      status: 400,
      headers: { 'Sec-WebSocket-Version': '13, 8' }
    })
  })

  test('§9.1: the extension lists of the examples', () => {
    expect(parseExtensions('foo')).toEqual({ foo: [{}] })
    expect(parseExtensions('bar; baz=2')).toEqual({ bar: [{ baz: ['2'] }] })
    expect(parseExtensions('foo, bar; baz=2')).toEqual({ foo: [{}], bar: [{ baz: ['2'] }] })
    expect(parseExtensions('deflate-stream')).toEqual({ 'deflate-stream': [{}] })
    expect(parseExtensions('mux; max-channels=4; flow-control, deflate-stream')).toEqual({
      mux: [{ 'max-channels': ['4'], 'flow-control': [true] }],
      'deflate-stream': [{}]
    })
    expect(parseExtensions('private-extension')).toEqual({ 'private-extension': [{}] })
  })
})

describe('§5.7 examples', () => {
  const hello = Buffer.from('Hello')

  test('a single-frame unmasked text message', () => {
    expectEventsOf(CLIENT, octets('81 05 48 65 6c 6c 6f'), [text('Hello')])
    expect(sent((sender) => sendMessage(sender, 'Hello', false, true, false, false, false, undefined))).toBe(
      hex('81 05 48 65 6c 6c 6f')
    )
  })

  test('a single-frame masked text message', () => {
    expectEventsOf(SERVER, octets('81 85 37 fa 21 3d 7f 9f 4d 51 58'), [text('Hello')])
    expect(sent((sender) => sendMessage(sender, 'Hello', false, true, false, true, false, undefined))).toBe(
      hex('81 85 37 fa 21 3d 7f 9f 4d 51 58')
    )
  })

  test('a fragmented unmasked text message', () => {
    expectEventsOf(CLIENT, octets('01 03 48 65 6c 80 02 6c 6f'), [text('Hello')])
    expect(
      sent((sender) => {
        sendMessage(sender, 'Hel', false, false, false, false, false, undefined)
        sendMessage(sender, 'lo', false, true, false, false, false, undefined)
      })
    ).toBe(hex('01 03 48 65 6c 80 02 6c 6f'))
  })

  test('an unmasked ping request and the masked pong response', () => {
    expectEventsOf(CLIENT, octets('89 05 48 65 6c 6c 6f'), [ping('Hello')])
    expectEventsOf(SERVER, octets('8a 85 37 fa 21 3d 7f 9f 4d 51 58'), [pong('Hello')])
    expect(sent((sender) => sendControl(sender, 9, hello, false, false, undefined))).toBe(hex('89 05 48 65 6c 6c 6f'))
    expect(sent((sender) => sendControl(sender, 10, hello, true, false, undefined))).toBe(hex('8a 85 37 fa 21 3d 7f 9f 4d 51 58'))
  })

  test('256 octets of binary data in one unmasked frame', () => {
    const data = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i))
    const frame = Buffer.concat([octets('82 7e 01 00'), data])
    expectEventsOf(CLIENT, frame, [binary(data)])
    expect(sent((sender) => sendMessage(sender, data, true, true, false, false, false, undefined))).toBe(frame.toString('hex'))
  })

  test('64 KiB of binary data in one unmasked frame', () => {
    const data = Buffer.from(Uint8Array.from({ length: 65_536 }, (_, i) => i ^ (i >> 8)))
    const frame = Buffer.concat([octets('82 7f 00 00 00 00 00 01 00 00'), data])
    expectEventsOf(CLIENT, frame, [binary(data)], { places: () => [1, 2, 5, 9, 10, 11, 40_000, 65_545] })
    expect(sent((sender) => sendMessage(sender, data, true, true, false, false, false, undefined))).toBe(frame.toString('hex'))
  })
})

describe('§5.1 masking by role', () => {
  test('a server fails an unmasked frame', () => {
    expectEventsOf(SERVER, octets('81 05 48 65 6c 6c 6f'), [VIOLATIONS.noMask])
  })

  test('a client fails a masked frame', () => {
    expectEventsOf(CLIENT, octets('81 85 37 fa 21 3d 7f 9f 4d 51 58'), [VIOLATIONS.mask])
  })
})

describe('§5.2 base framing', () => {
  test('RSV1, RSV2 and RSV3 are 0 where no extension gives them a meaning', () => {
    expectEventsOf(CLIENT, octets('c1 00'), [VIOLATIONS.rsv1])
    expectEventsOf(CLIENT, octets('a1 00'), [VIOLATIONS.rsv23])
    expectEventsOf(CLIENT, octets('91 00'), [VIOLATIONS.rsv23])
    expectEventsOf(CLIENT, octets('f1 00'), [VIOLATIONS.rsv23])
  })

  test('opcodes 3 to 7 and B to F are reserved', () => {
    for (const opcode of [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf])
      expectEventsOf(CLIENT, Buffer.from([0x80 | opcode, 0]), [VIOLATIONS.opcode(opcode)])
  })

  test('lengths of 0, 125, 126, 65535 and 65536 octets take 7, 7, 16, 16 and 64 bits', () => {
    for (const [length, header] of [
      [0, '82 00'],
      [125, '82 7d'],
      [126, '82 7e 00 7e'],
      [65_535, '82 7e ff ff'],
      [65_536, '82 7f 00 00 00 00 00 01 00 00']
    ] as const) {
      const data = Buffer.alloc(length, 0x2a)
      const frame = Buffer.concat([octets(header), data])
      expectEventsOf(CLIENT, frame, [binary(data)], { places: () => [1, 2, 3, 4, 9, 10] })
      expect(sent((sender) => sendMessage(sender, data, true, true, false, false, false, undefined))).toBe(frame.toString('hex'))
    }
  })

  test('the most significant bit of a 64-bit length is 0', () => {
    expectEventsOf(CLIENT, octets('82 7f 80 00 00 00 00 00 00 01'), [VIOLATIONS.length])
  })
})

describe('§5.3 masking', () => {
  test('octet i is transformed with octet i modulo 4 of the key', () => {
    expectEventsOf(SERVER, octets('82 89 01 02 04 08 01 02 04 08 11 12 14 18 21'), [binary(octets('00 00 00 00 10 10 10 10 20'))])
  })

  test('applies to the payload only, of every frame anew', () => {
    expectEventsOf(SERVER, octets('89 80 01 02 03 04 82 81 ff 00 00 00 fe 8a 82 00 ff 00 00 01 fd'), [
      ping(),
      binary(octets('01')),
      pong(octets('01 02'))
    ])
  })
})

describe('§5.4 fragmentation', () => {
  test('control frames stand between fragments', () => {
    expectEventsOf(CLIENT, octets('01 03 48 65 6c 89 00 8a 01 61 80 02 6c 6f'), [ping(), pong('a'), text('Hello')])
  })

  test('control frames are not fragmented', () => {
    for (const [opcode, octet] of [
      [8, '08 00'],
      [9, '09 00'],
      [10, '0a 00']
    ] as const)
      expectEventsOf(CLIENT, octets(octet), [VIOLATIONS.fin], { maxPayload: opcode })
  })

  test('fragments of messages are not interleaved', () => {
    expectEventsOf(CLIENT, octets('01 01 61 01 01 62'), [VIOLATIONS.opcode(1)])
    expectEventsOf(CLIENT, octets('02 01 61 82 01 62'), [VIOLATIONS.opcode(2)])
  })

  test('a continuation continues something', () => {
    expectEventsOf(CLIENT, octets('80 01 61'), [VIOLATIONS.opcode(0)])
    expectEventsOf(CLIENT, octets('01 01 61 80 01 62 80 01 63'), [text('ab'), VIOLATIONS.opcode(0)])
  })
})

describe('§5.5 control frames', () => {
  test('have 125 octets of payload at most', () => {
    for (const opcode of [8, 9, 10])
      expectEventsOf(CLIENT, Buffer.from([0x80 | opcode, 126, 0, 126]), [VIOLATIONS.controlLength(126)])
  })

  test('§5.5.1: a close frame has no payload, or a code and a reason', () => {
    expectEventsOf(CLIENT, octets('88 00'), [closed(1005)])
    expectEventsOf(CLIENT, octets('88 01 03'), [VIOLATIONS.controlLength(1)])
    expectEventsOf(CLIENT, octets('88 02 03 e8'), [closed(1000)])
    expectEventsOf(CLIENT, octets('88 05 03 e9 62 79 65'), [closed(1001, 'bye')])
    expectEventsOf(CLIENT, octets('88 03 03 e8 ff'), [VIOLATIONS.utf8])
    expect(Buffer.from(serializeClosePayload(1001, Buffer.from('bye'))).toString('hex')).toBe('03e9627965')
  })
})

describe('§7.4 close codes', () => {
  test.each([
    [1000, true, 'normal closure'],
    [1001, true, 'going away'],
    [1002, true, 'protocol error'],
    [1003, true, 'a type of data that cannot be accepted'],
    [1004, false, 'reserved'],
    [1005, false, 'reserved: no status received'],
    [1006, false, 'reserved: closed abnormally'],
    [1007, true, 'data not consistent with the type of the message'],
    [1008, true, 'policy violation'],
    [1009, true, 'message too big'],
    [1010, true, 'mandatory extension'],
    [1011, true, 'internal error'],
    [1015, false, 'reserved: TLS handshake']
  ])('§7.4.1: %d in a close frame is valid: %s (%s)', (code, isValid) => {
    const frame = Buffer.from([0x88, 2, code >> 8, code & 255])
    expect(isValidCloseCode(code)).toBe(isValid)
    expectEventsOf(CLIENT, frame, [isValid ? closed(code) : VIOLATIONS.closeCode(code)])
  })

  test.each([
    [0, false],
    [999, false],
    [1016, false],
    [2999, false],
    [3000, true],
    [3999, true],
    [4000, true],
    [4999, true],
    [5000, false]
  ])('§7.4.2: %d lies in a range that may be used: %s', (code, isValid) => {
    const frame = Buffer.from([0x88, 2, code >> 8, code & 255])
    expect(isValidCloseCode(code)).toBe(isValid)
    expectEventsOf(CLIENT, frame, [isValid ? closed(code) : VIOLATIONS.closeCode(code)])
  })
})

describe('§8.1 errors in UTF-8', () => {
  test('a text message is UTF-8 as a whole, not frame by frame', () => {
    expectEventsOf(CLIENT, octets('01 01 c3 80 01 a9'), [text('é')])
    expectEventsOf(CLIENT, octets('81 01 c3'), [VIOLATIONS.utf8])
    expectEventsOf(CLIENT, octets('01 01 c3 80 01 28'), [VIOLATIONS.utf8])
  })

  test('§5.6: binary data is arbitrary', () => {
    expectEventsOf(CLIENT, octets('82 02 c3 28'), [binary(octets('c3 28'))])
  })
})
