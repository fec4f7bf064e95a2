// Run by Bun; gives back what it gets: as a server that says its port, or as a client of a port.

const [role, port] = process.argv.slice(2)

if (role === 'serve') {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('', { status: 400 })),
    websocket: {
      perMessageDeflate: true,
      maxPayloadLength: 2 ** 24,
      backpressureLimit: 2 ** 26,
      message: (socket, message) => void socket.send(message, true)
    }
  })
  console.log(server.port)
} else {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`)
  socket.binaryType = 'nodebuffer'
  socket.addEventListener('message', ({ data }) => socket.send(data))
}
