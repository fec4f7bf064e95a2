// Every way in which hybi differs from ws on purpose. Nothing else may differ; the suite fails on an entry that no longer shows.

export interface Difference {
  id: string
  /** Name of the scenario in which it shows. */
  scenario: string
  /** Which side must be hybi for it to show. */
  where: 'client' | 'server' | 'either'
  lane: string
  /** Consecutive lines of ws's transcript, and what stands in their place in hybi's. */
  ws: string[]
  hybi: string[]
  reason: string
}

const roles = ['client', 'server'] as const

const failFast = 'RFC 6455 §8.1 lets an endpoint fail as soon as an octet cannot be UTF-8; ws looks at whole messages only.'

const deliveryGoesOn =
  'A listener that throws is a fault of the program, not of the peer; ws delivers nothing afterwards, not even close.'

const listJoin = 'RFC 6455 §11.3.4 shows the list with a space after each comma; both forms mean the same.'

const ownContext =
  'What a callback sees in AsyncLocalStorage is what its own send saw; ws shows that of the frame it waited behind.'

const notTaken = 'Of a write that terminate() cuts short nobody knows how much arrived; Node reports it as done.'

const destroyed = 'Error [ERR_STREAM_DESTROYED]: Cannot call write after a stream was destroyed'

const aNumber = 'A server-side WebSocket has nothing buffered before it has a socket.'

const synchronousCodec = 'Small messages are compressed and decompressed at once, without the detour over the thread pool.'

/** Public names that hybi adds to those of ws; enumerations leave them out. */
export const additions = ['broadcast', 'kernels', 'receiveBuffer', 'Refusal', 'shutdown'].concat([
  'stats',
  'latency',
  'writableNeedDrain',
  'drained',
  'droppedMessages',
  'textType'
])

export const differences: Difference[] = [
  ...[
    'an invalid octet in a frame that is not complete',
    'an invalid octet in a large frame that is not complete',
    'an invalid octet in a fragment before the last',
    'an octet that cannot follow, in the second fragment of three'
  ].flatMap((scenario) =>
    roles.map((role): Difference => ({
      id: 'fail-fast UTF-8',
      scenario: `${scenario}, as ${role}`,
      where: role,
      lane: 'early',
      ws: ['failed before the last octets: false'],
      hybi: ['failed before the last octets: true'],
      reason: failFast
    }))
  ),

  ...roles.flatMap((role): Difference[] => {
    const mask = role === 'client' ? 'masked' : 'unmasked'
    return [
      {
        id: 'delivery after a listener threw',
        scenario: `in a process: a message listener that throws, as ${role}`,
        where: role,
        lane: 'output',
        ws: ['uncaught Error []: from the listener state 1'],
        hybi: [
          'ping Buffer 2 state 1',
          'message Buffer 3',
          'message Buffer 4',
          'uncaught Error []: from the listener state 1',
          'close 1006 Buffer  state 3'
        ],
        reason: deliveryGoesOn
      },
      {
        id: 'delivery after a listener threw: the pong',
        scenario: `in a process: a message listener that throws, as ${role}`,
        where: role,
        lane: 'wire',
        ws: [`text ${mask} "go"`],
        hybi: [`text ${mask} "go"`, `pong ${mask} "2"`],
        reason: deliveryGoesOn
      },
      {
        id: 'delivery after a ping listener threw',
        scenario: `in a process: a ping listener that throws, as ${role}`,
        where: role,
        lane: 'output',
        ws: ['uncaught Error []: from the listener'],
        hybi: [
          'message Buffer 3 false state 1',
          'message Buffer 4 true state 1',
          'uncaught Error []: from the listener',
          'close 1006 Buffer  state 3'
        ],
        reason: deliveryGoesOn
      }
    ]
  }),

  ...roles.flatMap((role): Difference[] => [
    {
      id: 'callbacks of frames that wait behind a Blob have a context of their own',
      scenario: `each send callback runs in the async context of its own send, as ${role}`,
      where: role,
      lane: 'contexts',
      ws: ['6 5 [null]', '7 5 [null]'],
      hybi: ['6 6 [null]', '7 7 [null]'],
      reason: ownContext
    },
    {
      id: 'callbacks of failed sends have a context of their own',
      scenario: `callbacks of failed sends run in the async context of their send, as ${role}`,
      where: role,
      lane: 'contexts',
      ws: ['large large null', `queued large ${destroyed}`],
      hybi: [`large large ${destroyed}`, `queued queued ${destroyed}`],
      reason: `${ownContext} ${notTaken}`
    },
    ...[
      'terminate() with octets the system has not taken fails their callbacks',
      'terminate() in the tick of the sends, with octets the system has not taken'
    ].map((scenario): Difference => ({
      id: 'a frame that the system has not taken whole is a frame that was not sent',
      scenario: `${scenario}, as ${role}`,
      where: role,
      lane: 'callbacks',
      ws: ['large(null)'],
      hybi: [`large(${destroyed})`],
      reason: notTaken
    }))
  ]),

  {
    id: 'bufferedAmount counts octets, not characters',
    scenario: 'bufferedAmount at each step while the peer does not read, as server',
    where: 'server',
    lane: 'bufferedAmount',
    ws: ['after a string of two octets 16777554'],
    hybi: ['after a string of two octets 16777555'],
    reason: 'The attribute is defined in octets (WHATWG); ws counts a string without a mask as long as JavaScript does.'
  },
  {
    id: 'bufferedAmount is a number from the start',
    scenario: 'a WebSocket without an address is a server-side instance',
    where: 'either',
    lane: 'properties',
    ws: ['bufferedAmount undefined'],
    hybi: ['bufferedAmount 0'],
    reason: aNumber
  },
  {
    id: 'bufferedAmount is a number from the start, also after an attempt to set it',
    scenario: 'setting a property that has no setter throws in strict mode',
    where: 'either',
    lane: 'set',
    ws: ['bufferedAmount TypeError undefined'],
    hybi: ['bufferedAmount TypeError 0'],
    reason: aNumber
  },
  ...['at once', 'later'].map((lane): Difference => ({
    id: `a status code without a name has an empty reason phrase, ${lane}`,
    scenario: 'verifyClient that calls back with false with an unknown code and a message',
    where: 'server',
    lane,
    ws: ['HTTP/1.1 599 undefined'],
    hybi: ['HTTP/1.1 599 '],
    reason: 'RFC 9112 §4: the reason phrase may be empty; "undefined" is an accident.'
  })),

  ...roles.map((role): Difference => {
    const messages = ['Buffer <100000 octets, sum 6573c962, begin "The quick brown ">', 'Buffer "plain"', 'Buffer "x"']
    return {
      id: 'messages are decompressed before the end of the stream is looked at',
      scenario: `the end of the stream waits for compressed messages before it, as ${role}`,
      where: role,
      lane: 'ws',
      ws: messages.map((data) => `message(${data}, false) in state 2`),
      hybi: messages.map((data) => `message(${data}, false) in state 1`),
      reason: synchronousCodec
    }
  }),
  ...roles.map((role): Difference => {
    const mask = role === 'client' ? 'masked' : 'unmasked'
    const lines = (rsv: number, how: string) =>
      ['', 'short'].flatMap((data) => [`frame opcode=1 fin=true rsv=${rsv} ${mask}`, `message ${how} "${data}"`])
    return {
      id: 'what compression does not make smaller is sent as it is',
      scenario: `sending with no context takeover, as ${role}`,
      where: role,
      lane: 'messages',
      ws: lines(4, 'compressed'),
      hybi: lines(0, 'plain'),
      reason:
        'RFC 7692 §6.1 leaves it to the sender which messages it compresses; without context takeover nothing refers to this one.'
    }
  }),
  {
    id: 'nothing is buffered while a small message is compressed',
    scenario: 'Sender with permessage-deflate keeps the order',
    where: 'either',
    lane: 'buffered',
    ws: ['2023', '0'],
    hybi: ['0', '0'],
    reason: synchronousCodec
  },

  {
    id: 'subprotocol offers joined by comma and space',
    scenario: 'request: subprotocols',
    where: 'client',
    lane: 'request',
    ws: ['Sec-WebSocket-Protocol: a,b.c,d'],
    hybi: ['Sec-WebSocket-Protocol: a, b.c, d'],
    reason: listJoin
  },
  {
    id: 'subprotocol offers joined by comma and space: a,A',
    scenario: 'subprotocol offers: which throw, and what stands in the request',
    where: 'client',
    lane: 'request',
    ws: ['Sec-WebSocket-Protocol: a,A'],
    hybi: ['Sec-WebSocket-Protocol: a, A'],
    reason: listJoin
  },
  ...[
    ['one,two', 'one, two'],
    ['three,four', 'three, four'],
    ['five,six', 'five, six']
  ].map(([ws, hybi]): Difference => ({
    id: `subprotocol offers joined by comma and space: ${ws}`,
    scenario: 'where subprotocols and options may stand',
    where: 'client',
    lane: 'request',
    ws: [`Sec-WebSocket-Protocol: ${ws}`],
    hybi: [`Sec-WebSocket-Protocol: ${hybi}`],
    reason: listJoin
  }))
]
