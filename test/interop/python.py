"""Gives back what it gets: as a server that says its port, or as a client of a port."""

import asyncio
import sys

import websockets
from websockets.extensions import permessage_deflate as deflate

LIMIT = 1 << 24


async def echo(socket, path=None):
    try:
        async for message in socket:
            await socket.send(message)
    except websockets.ConnectionClosedOK:
        pass


async def serve():
    # the client's offer decides
    factory = deflate.ServerPerMessageDeflateFactory()
    async with websockets.serve(echo, "127.0.0.1", 0, extensions=[factory], compression=None, max_size=LIMIT) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def connect(port):
    offer = deflate.ClientPerMessageDeflateFactory(client_max_window_bits=True)
    async with websockets.connect(f"ws://127.0.0.1:{port}", extensions=[offer], compression=None, max_size=LIMIT) as socket:
        await echo(socket)


asyncio.run(serve() if sys.argv[1] == "serve" else connect(int(sys.argv[2])))
