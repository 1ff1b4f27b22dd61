"""An HTTP endpoint that responds after 8 ms without any work: `python -m bench.endpoint`.

It answers the requests that imports send to DynamoDB and S3 as if no record existed yet, and
counts. After `/_store` it stores inserted records, and answers reads with them. HTTP is read by
hand, so that it is quick: how busy it was is among the counts. `/_keep` makes it keep what is
written, `/_read` answers the counts and what was kept, and forgets both.
"""

import asyncio
import json
import re
import resource
from collections import Counter
from dataclasses import dataclass, field

SERVICE_SECONDS = 0.008
_TARGET = re.compile(rb"x-amz-target: \w+\.(\w+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_INSERT = re.compile(r'INSERT INTO "(\w+)" VALUE')
_NAME = re.compile(r"'(\w+)':\?")
_WRITES = ("BatchExecuteStatement", "BatchWriteItem", "PutItem", "UpdateItem", "TransactWriteItems")
_ANSWERS = {
    "BatchGetItem": b'{"Responses":{},"UnprocessedKeys":{}}',
    "BatchWriteItem": b'{"UnprocessedItems":{}}',
    "Query": b'{"Items":[],"Count":0,"ScannedCount":0}',
}


@dataclass
class Meter:
    """Requests counted since the last read; `items` are those of batches."""

    requests: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    kept: list[tuple[str, str]] = field(default_factory=list)
    keeping: bool = False
    storing: bool = False
    stored: dict[tuple[str, str], str] = field(default_factory=dict)
    """Records as JSON, by table and partition key."""

    def answer(self, head: bytes, body: bytes) -> bytes:
        found = _TARGET.search(head)
        if found is None:
            self.requests["S3"] += 1
            return b""
        operation = found[1].decode()
        self.requests[operation] += 1
        if self.keeping and operation in _WRITES:
            self.kept.append((operation, body.decode()))
        if operation == "BatchExecuteStatement":
            count = body.count(b'"Statement":')
            if self.storing:
                self.store(body)
            self.items[operation] += count
            return b'{"Responses":[' + b",".join([b"{}"] * count) + b"]}"
        if operation == "BatchWriteItem":
            self.items[operation] += body.count(b'"PutRequest":')
        if operation == "BatchGetItem" and self.stored:
            return self.found(body)
        return _ANSWERS.get(operation, b"{}")

    def store(self, body: bytes) -> None:
        for each in json.loads(body)["Statements"]:
            table = _INSERT.match(each["Statement"])
            names = _NAME.findall(each["Statement"])
            item = dict(zip(names, each["Parameters"], strict=True))
            self.stored[table[1] if table else "", item["pk"]["S"]] = json.dumps(item)

    def found(self, body: bytes) -> bytes:
        tables = {
            name: [self.stored.get((name, key["pk"]["S"])) for key in of["Keys"]]
            for name, of in json.loads(body)["RequestItems"].items()
        }
        answers = (f'"{name}":[{",".join(filter(None, of))}]' for name, of in tables.items())
        return f'{{"Responses":{{{",".join(answers)}}},"UnprocessedKeys":{{}}}}'.encode()

    def read(self) -> bytes:
        used = resource.getrusage(resource.RUSAGE_SELF)
        figures = {
            "requests": self.requests,
            "items": self.items,
            "kept": self.kept,
            "cpu_seconds": used.ru_utime + used.ru_stime,
        }
        self.requests, self.items, self.kept = Counter(), Counter(), []
        return json.dumps(figures).encode()


class Connection(asyncio.Protocol):
    """One client's connection, which sends one request at a time."""

    def __init__(self, meter: Meter) -> None:
        self.meter, self.data = meter, bytearray()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # TCP

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.data[:end])
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if len(self.data) < end + 4 + length:
            if b"100-continue" in head and len(self.data) == end + 4:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        body = bytes(self.data[end + 4 : end + 4 + length])
        del self.data[: end + 4 + length]
        if b" /_" in head[:12]:
            self.meter.keeping |= b"/_keep" in head[:16]
            self.meter.storing |= b"/_store" in head[:16]
            answer = self.meter.read() if b"/_read" in head[:16] else b""
            self.respond(answer)
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(SERVICE_SECONDS, self.respond, self.meter.answer(head, body))

    def respond(self, body: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
            b'ETag: "0"\r\nContent-Length: %d\r\n\r\n%b' % (len(body), body)
        )


async def serve() -> None:
    meter = Meter()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(meter), "127.0.0.1", 0
    )
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
