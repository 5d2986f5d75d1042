"""A DynamoDB and an EventBridge that answer every call with the same bytes at once. It prints its port."""

import asyncio
import json
import zlib
from email.utils import formatdate

ROW = {
    "id": {"S": "p-1"},
    "name": {"S": "A thing"},
    "description": {"S": "d" * 200},
    "imageFile": {"S": "thing.png"},
    "category": {"S": "Things"},
    "price": {"N": "950.40"},
    "version": {"N": "3"},
}


def answer(body: object) -> bytes:
    content = json.dumps(body).encode()
    headers = {
        "Server": "Server",
        "Date": formatdate(usegmt=True),
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": len(content),
        "Connection": "keep-alive",
        "x-amzn-RequestId": "A" * 52,
        "x-amz-crc32": zlib.crc32(content),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + content


ANSWERS = {
    b"DynamoDB_20120810.GetItem": answer({"Item": ROW}),
    b"AWSEvents.PutEvents": answer({"FailedEntryCount": 0, "Entries": [{"EventId": "1" * 36}]}),
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = [line.partition(b":") for line in head.split(b"\r\n")]
            headers = {name.lower(): value.strip() for name, _, value in lines}
            await reader.readexactly(int(headers[b"content-length"]))
            writer.write(ANSWERS[headers[b"x-amz-target"]])
    except asyncio.IncompleteReadError:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
