"""Stands in for the Redis in which Argo CD keeps its caches: `python redis.py PORT`. Nothing expires."""

from __future__ import annotations

import asyncio
import sys

Reply = bytes
_OK: Reply = b"+OK\r\n"


class Redis:
    """The commands that Argo CD uses; it does without what is answered with an error."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(self._reply(await _command(reader)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _reply(self, command: list[bytes]) -> Reply:
        match [command[0].upper(), *command[1:]]:
            case [b"PING"]:
                return b"+PONG\r\n"
            case [b"SET", key, value, *_]:
                self._values[key] = value
                return _OK
            case [b"GET", key]:
                return _bulk(self._values.get(key))
            case [b"DEL", *keys]:
                return _number(sum(self._values.pop(key, None) is not None for key in keys))
            case [b"EXISTS", *keys]:
                return _number(sum(key in self._values for key in keys))
            case [b"RENAME", old, new] if old in self._values:
                self._values[new] = self._values.pop(old)
                return _OK
            case [b"RENAME", *_]:
                return b"-ERR no such key\r\n"
            case [b"PUBLISH", *_]:
                return _number(0)
            case [b"SUBSCRIBE" as kind, channel]:
                return b"*3\r\n" + _bulk(kind.lower()) + _bulk(channel) + _number(1)
            case _:
                return b"-ERR unknown command\r\n"


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    count = int((await reader.readuntil(b"\r\n"))[1:])
    return [await _argument(reader) for _ in range(count)]


async def _argument(reader: asyncio.StreamReader) -> bytes:
    length = int((await reader.readuntil(b"\r\n"))[1:])
    return (await reader.readexactly(length + 2))[:-2]


def _bulk(value: bytes | None) -> Reply:
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


def _number(value: int) -> Reply:
    return b":%d\r\n" % value


async def main(port: int) -> None:
    server = await asyncio.start_server(Redis().serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
