// The examples of RFC 7692, by section.

import * as pako from 'pako'
import { describe, expect, test } from 'vitest'
import { Limiter } from '../../src/node/codecs/limiter.js'
import { createPakoCodec } from '../../src/codecs/pako.js'
import { createWasmCodec } from '../../src/codecs/wasm.js'
import { createZlibCodec } from '../../src/node/codecs/zlib.js'
import { format, parse } from '../../src/core/extension.js'
import { accept, MessageDeflate, offer } from '../../src/core/permessage-deflate.js'
import type { DeflateParameters, NegotiationOptions } from '../../src/core/permessage-deflate.js'
import { deflate, hexOf, inflate, octetsOf } from '../codecs/conformance.js'

const NAME = 'permessage-deflate'

/** Header that a server with these options answers an offer with. */
function respond(header: string, options: NegotiationOptions = {}): string {
  return format({ [NAME]: accept(options, true, parse(header)[NAME]) })
}

/** What a client with these options takes from a response. */
function take(header: string, options: NegotiationOptions = {}): DeflateParameters {
  return accept(options, false, parse(header)[NAME])
}

describe('§7.1 parameters', () => {
  test('§7: the simplest offer is the name alone', () => {
    expect(format({ [NAME]: offer({ clientMaxWindowBits: false }) })).toBe('permessage-deflate')
    expect(respond('permessage-deflate')).toBe('permessage-deflate')
  })

  test('§7: an offer with a parameter and a fallback without it', () => {
    const header =
      'permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits'
    expect(respond(header)).toBe('permessage-deflate; server_max_window_bits=10')
    expect(respond(header, { serverMaxWindowBits: false })).toBe('permessage-deflate')
  })

  test('§7.1: a quoted value is a value', () => {
    expect(respond('permessage-deflate; server_max_window_bits="10"')).toBe('permessage-deflate; server_max_window_bits=10')
  })

  test('§7.1.1.1: a server takes server_no_context_takeover, asks for it unasked, or refuses the offer', () => {
    expect(respond('permessage-deflate; server_no_context_takeover')).toBe('permessage-deflate; server_no_context_takeover')
    expect(respond('permessage-deflate', { serverNoContextTakeover: true })).toBe('permessage-deflate; server_no_context_takeover')
    expect(() => respond('permessage-deflate; server_no_context_takeover', { serverNoContextTakeover: false })).toThrow(
      'None of the extension offers can be accepted'
    )
    expect(() => respond('permessage-deflate; server_no_context_takeover=1')).toThrow(TypeError)
  })

  test('§7.1.1.2: a server may answer with client_no_context_takeover unasked', () => {
    expect(respond('permessage-deflate', { clientNoContextTakeover: true })).toBe('permessage-deflate; client_no_context_takeover')
    expect(take('permessage-deflate; client_no_context_takeover')).toEqual({ client_no_context_takeover: true })
    expect(() => take('permessage-deflate; client_no_context_takeover', { clientNoContextTakeover: false })).toThrow(
      'Unexpected parameter "client_no_context_takeover"'
    )
  })

  test('§7.1.2.1: server_max_window_bits has a value from 8 to 15, and the answer is no larger', () => {
    expect(respond('permessage-deflate; server_max_window_bits=10')).toBe('permessage-deflate; server_max_window_bits=10')
    expect(respond('permessage-deflate; server_max_window_bits=10', { serverMaxWindowBits: 9 })).toBe(
      'permessage-deflate; server_max_window_bits=9'
    )
    expect(() => respond('permessage-deflate; server_max_window_bits=10', { serverMaxWindowBits: 11 })).toThrow()
    for (const value of ['', '=7', '=16', '=1x']) {
      expect(() => respond(`permessage-deflate; server_max_window_bits${value}`)).toThrow(TypeError)
    }
  })

  test('§7.1.2.2: client_max_window_bits may lack a value in an offer, not in a response, and is answered only where it was offered', () => {
    expect(format({ [NAME]: offer({}) })).toBe('permessage-deflate; client_max_window_bits')
    expect(respond('permessage-deflate; client_max_window_bits')).toBe('permessage-deflate')
    expect(respond('permessage-deflate; client_max_window_bits', { clientMaxWindowBits: 10 })).toBe(
      'permessage-deflate; client_max_window_bits=10'
    )
    expect(() => respond('permessage-deflate', { clientMaxWindowBits: 10 })).toThrow()
    expect(take('permessage-deflate; client_max_window_bits=10')).toEqual({ client_max_window_bits: 10 })
    expect(() => take('permessage-deflate; client_max_window_bits')).toThrow(TypeError)
  })

  test('§7.1: a parameter that is unknown or there twice makes an offer invalid', () => {
    expect(() => respond('permessage-deflate; unknown')).toThrow('Unknown parameter "unknown"')
    expect(() => respond('permessage-deflate; server_no_context_takeover; server_no_context_takeover')).toThrow(
      'Parameter "server_no_context_takeover" must have only a single value'
    )
  })
})

const codecs = [createWasmCodec(), createPakoCodec(() => pako), createZlibCodec(new Limiter())].map(
  (codec) => [codec!.name, codec!] as const
)

describe.each(codecs)('§7.2.3 examples with %s', (_, codec) => {
  const connection = (params: DeflateParameters = {}): MessageDeflate => new MessageDeflate({ codec, isServer: true, params })
  const read = async (transform: MessageDeflate, hex: string, fin = true): Promise<string> =>
    Buffer.from(hexOf(await inflate(transform, octetsOf(hex), fin)), 'hex').toString()

  test('§7.2.3.1 a message in one block', async () => {
    const transform = connection()
    expect(hexOf(await deflate(transform, Buffer.from('Hello')))).toBe('f248cdc9c90700')
    expect(await read(transform, 'f2 48 cd c9 c9 07 00')).toBe('Hello')
    transform.close()
  })

  test('§7.2.3.1 the same in two fragments, cut anywhere', async () => {
    const hex = 'f248cdc9c90700'
    for (let cut = 0; cut <= hex.length; cut += 2) {
      const transform = connection()
      expect((await read(transform, hex.slice(0, cut), false)) + (await read(transform, hex.slice(cut)))).toBe('Hello')
      transform.close()
    }
  })

  test('§7.2.3.2 sharing the window between messages, and not', async () => {
    const transform = connection()
    expect(hexOf(await deflate(transform, Buffer.from('Hello')))).toBe('f248cdc9c90700')
    // A literal and a reference to the rest, or one to all of it
    expect(hexOf(await deflate(transform, Buffer.from('Hello')))).toMatch(/^(f200110000|02130000)$/)
    expect(await read(transform, 'f2 48 cd c9 c9 07 00')).toBe('Hello')
    expect(await read(transform, 'f2 00 11 00 00')).toBe('Hello')
    const forgetful = connection({ server_no_context_takeover: true })
    for (let i = 0; i < 2; i++) expect(hexOf(await deflate(forgetful, Buffer.from('Hello')))).toBe('f248cdc9c90700')
    transform.close()
    forgetful.close()
  })

  test('§7.2.3.3 a block without compression', async () => {
    expect(await read(connection(), '00 05 00 fa ff 48 65 6c 6c 6f 00')).toBe('Hello')
  })

  test('§7.2.3.4 a block with BFINAL set', async () => {
    expect(await read(connection(), 'f3 48 cd c9 c9 07 00 00')).toBe('Hello')
  })

  test('§7.2.3.4 an empty stored block with BFINAL set whose 00 00 ff ff is cut: the next message is whole, in both roles', async () => {
    for (const isServer of [false, true]) {
      const params = { client_no_context_takeover: true, server_no_context_takeover: true } as const
      const transform = new MessageDeflate({ codec, isServer, params })
      for (let i = 0; i < 2; i++) {
        expect(await read(transform, '00 05 00 fa ff 48 65 6c 6c 6f 01')).toBe('Hello')
        expect(await read(transform, 'f2 48 cd c9 c9 07 00')).toBe('Hello')
      }
      transform.close()
    }
  })

  test('§7.2.3.5 two blocks in one message', async () => {
    expect(await read(connection(), 'f2 48 05 00 00 00 ff ff ca c9 c9 07 00')).toBe('Hello')
  })

  test('§7.2.3.6 an empty message', async () => {
    const transform = connection()
    expect(hexOf(await deflate(transform, new Uint8Array(0)))).toBe('00')
    expect(await read(transform, '00')).toBe('')
    transform.close()
  })
})
