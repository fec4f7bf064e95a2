// Runs in a context of nothing but JavaScript, with the globals `core` (the built hybi/core) and `settings` ({ kernels, codec }):
// a client and a server talk in memory, from the opening handshake to the end. What happened is the script's value, as JSON.

;(() => {
  const { core, settings } = globalThis
  const { constants } = core
  let seed = 1
  const runtime = core.createPortableRuntime((octets) => {
    // good enough for a conversation with oneself
    for (let i = 0; i < octets.length; i++) octets[i] = (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 16
  })
  const kernels = core.selectKernels(settings.kernels)
  const codec = settings.codec === 'wasm' ? core.createWasmCodec() : core.createPakoCodec()
  const log = { kernels: kernels.name, codec: codec.name, client: [], server: [], strict: [] }

  const encode = (text) => {
    const octets = new Uint8Array(core.utf8Length(text))
    core.utf8Write(text, octets, 0)
    return octets
  }
  const repeated = 'a message that is worth compressing; '.repeat(60)

  // Opening handshake, RFC 6455 §4, and negotiation, RFC 7692 §7.1
  const key = core.createKey(runtime)
  const fields = core.requestHeaders({
    key,
    version: 13,
    subprotocols: ['chat', 'echo'],
    deflate: core.offerDeflate({}),
    origin: 'http://example.com'
  })
  const request = encode(core.serializeRequest('/chat?room=1', 'example.com:8080', fields))
  log.headsThatAreIncomplete = 0
  for (let end = 0; end < request.length; end++)
    if (core.parseRequest(request.subarray(0, end)) === null) log.headsThatAreIncomplete++
  log.headsThatAreIncomplete -= request.length
  const asked = core.parseRequest(request)
  log.request = [asked.method, asked.target, asked.headers.host, asked.headers.origin, asked.length === request.length]
  log.refusals = [core.checkRequest(asked), core.checkRequest({ ...asked, headers: { ...asked.headers, upgrade: 'h2c' } })?.message]

  const offers = core.parseSubprotocolOffers(asked.headers)
  let agreed = null
  log.extensionsWereOffered = core.acceptExtensionOffers(asked.headers, (list) => {
    agreed = core.negotiateDeflate({}, true, list)
  })
  const lines = core.acceptanceLines({
    accept: core.acceptKey(asked.headers['sec-websocket-key'], runtime),
    subprotocol: [...offers][1],
    deflate: agreed
  })
  const response = encode(core.serializeHead(lines))
  // the first frame of the server comes with its response
  const first = new Uint8Array([...response, 0x81, 0x02, 0x68, 0x69])
  const answered = core.parseResponse(first)
  let taken = null
  const verdict = core.checkResponse(answered.headers, {
    accept: core.acceptKey(key, runtime),
    subprotocols: new Set(['chat', 'echo']),
    acceptDeflate: (list) => {
      taken = core.negotiateDeflate({}, false, list)
    }
  })
  log.response = [answered.status, answered.reason, verdict.error, verdict.subprotocol, verdict.deflate]
  log.otherKey = core.checkResponse(answered.headers, {
    accept: core.acceptKey(core.createKey(runtime), runtime),
    subprotocols: new Set(['chat', 'echo']),
    acceptDeflate: () => {}
  }).error

  // One side; what happens on it is written down
  function open(name, isServer, params) {
    const events = log[name]
    const output = new core.OctetQueue(runtime)
    const read = (octets, start, end) => runtime.utf8Decode(octets, start, end)
    const short = (text) => (text.length > 60 ? `${text.slice(0, 20)}... (${text.length})` : text)
    const data = (octets, start, end, isBinary) =>
      isBinary ? `binary ${end - start} ${octets[start]} ${octets[end - 1]}` : `text ${short(read(octets, start, end))}`
    const options = {
      isServer,
      autoPong: true,
      maxPendingAutoPongs: 10,
      maxPayload: 1 << 20,
      maxFragments: 10,
      maxBufferedChunks: 0,
      skipUtf8Validation: false,
      deferEvents: false,
      closeTimeoutMs: 1000
    }
    // Nothing but JavaScript is here: no timers
    const clock = {
      defer: (callback, argument) => callback(argument),
      deferTurn: (callback, argument) => callback(argument),
      setTimer: () => events.push('closing'),
      clearTimer() {}
    }
    const platform = { kernels, runtime, clock, maskingKeys: core.secureMaskingKeys(runtime) }
    const connection = new core.Connection(options, platform, output, {
      onMessage: (octets, start, end, isBinary) => events.push(data(octets, start, end, isBinary)),
      onFragments: (fragments, length, isBinary) => {
        const whole = new Uint8Array(length)
        let at = 0
        for (const fragment of fragments) {
          whole.set(fragment, at)
          at += fragment.length
        }
        events.push(data(whole, 0, length, isBinary))
      },
      onPing: (octets, start, end) => events.push(`ping ${read(octets, start, end)}`),
      onPong: (octets, start, end) => events.push(`pong ${read(octets, start, end)}`),
      onError: (error) => events.push(`error ${error.code} ${core.closeCodeOf(error)}`),
      end: () => events.push(`end ${connection.closeCode} ${read(connection.closeReason, 0, connection.closeReason.length)}`),
      discard() {},
      drop: () => events.push('drop')
    })
    const transform = new core.MessageDeflate({ codec, isServer, params })
    connection.useDeflate(transform)
    return {
      name,
      output,
      connection,
      sent: 0,
      send: (payload, fin = true) =>
        connection.send(
          payload,
          (typeof payload === 'string' ? 0 : core.SEND_BINARY) | (fin ? 0 : core.SEND_MORE) | core.SEND_COMPRESS
        ),
      control: (opcode, payload) => connection.sendControl(opcode, encode(payload), core.SEND_OWNED)
    }
  }

  const server = open('server', true, agreed)
  const client = open('client', false, taken)
  /** Carries octets both ways in chunks until there are none; a chunk is overwritten when it was taken. */
  function carry(step) {
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true
      for (const [from, to] of [
        [client, server],
        [server, client]
      ]) {
        for (const octets of from.output.take()) {
          isQuiet = false
          from.sent += octets.length
          for (let at = 0; at < octets.length; at += step) {
            const chunk = octets.slice(at, at + step)
            to.connection.receive(chunk, 0, chunk.length, true)
            chunk.fill(0)
          }
        }
      }
    }
  }

  client.connection.receive(first, answered.length, first.length, true)
  for (const step of [1 << 20, 100, 1]) {
    for (const [self, other] of [
      [client, server],
      [server, client]
    ]) {
      self.send(`grüße 👋 by ${step}`)
      self.send(repeated)
      self.send('')
      self.send(new Uint8Array(5000).map((_, i) => (i * i) >> 3))
      self.send('in ', false)
      self.control(constants.OPCODE_PING, 'between')
      self.send('three ', false)
      self.send('fragments €')
      other.control(constants.OPCODE_PONG, 'unasked')
    }
    carry(step)
  }
  log.compressed = client.sent < 4 * 5000 && server.sent < 4 * 5000 + 3 * repeated.length
  log.repeatedLength = repeated.length

  client.connection.close(core.serializeClosePayload(4000, encode('bye €')))
  carry(1 << 20)

  // RFC 6455 §7.1.7: what is wrong is answered with a close code; a client must mask
  const strict = open('strict', true, agreed)
  strict.connection.receive(new Uint8Array([0x81, 0x00]), 0, 2, false)
  log.failure = strict.output.take().flatMap((octets) => [...octets])

  log.codes = [1000, 1005, 1015, 4999].map((code) => core.isValidCloseCode(code))
  return JSON.stringify(log)
})()
