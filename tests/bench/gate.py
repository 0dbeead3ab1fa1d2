"""A TLS server that answers nobody until `count` have asked: whoever visits it holds that many open at once.

python -m tests.bench.gate PORT COUNT FULLCHAIN KEY
"""

import asyncio
import ssl
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


async def serve(port: int, count: int, context: ssl.SSLContext) -> None:
    everybody = asyncio.Barrier(count)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await everybody.wait()
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, ssl=context, backlog=2 * count)
    async with server:
        await server.serve_forever()


def main() -> None:
    port, count, fullchain, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(fullchain, key)
    asyncio.run(serve(int(port), int(count), context))


if __name__ == "__main__":
    main()
