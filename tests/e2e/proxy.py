"""A reverse proxy that does TLS, as small as it can be: `python proxy.py ADDRESS PORT CERT KEY BACKEND_PORT`.

It asks its backend by another host name than the client gave, as proxies do unless told otherwise, and says in
X-Forwarded-* what the client asked for. A connection serves one request.
"""

import asyncio
import ssl
import sys


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(1 << 16):
        sink.write(data)
        await sink.drain()


def rewritten(head: bytes, client: str) -> bytes:
    """The head of a request as the backend gets it."""
    line, *fields = head.rstrip(b"\r\n").split(b"\r\n")
    host = next(field.partition(b":")[2].strip() for field in fields if field.lower().startswith(b"host:"))
    kept = [field for field in fields if field.partition(b":")[0].lower() not in {b"host", b"connection"}]
    said = [b"X-Forwarded-Proto: https", b"X-Forwarded-Host: " + host, b"X-Forwarded-For: " + client.encode()]
    return b"\r\n".join([line, b"Host: backend.internal", b"Connection: close", *said, *kept, b"", b""])


async def _serve(address: str, port: int, cert: str, key: str, backend_port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            backend_reader, backend_writer = await asyncio.open_connection("127.0.0.1", backend_port)
            backend_writer.write(rewritten(head, writer.get_extra_info("peername")[0]))
            upload = asyncio.ensure_future(_pipe(reader, backend_writer))
            await _pipe(backend_reader, writer)
            upload.cancel()
            backend_writer.close()
        except (OSError, asyncio.IncompleteReadError):
            pass  # somebody left
        finally:
            writer.close()

    server = await asyncio.start_server(answer, address, port, ssl=context)
    print("listening", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])))
