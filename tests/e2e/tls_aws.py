"""The canned AWS of the benchmark behind TLS. The test copies it into a container and starts it there as a script."""

import asyncio
import ssl

from bench.canned_aws import Backend, Connection

PORT = 8443


async def serve() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("aws.pem")
    backend = Backend()
    backend.control("/?delay=0.004")
    new = lambda: Connection(backend)  # noqa: E731
    server = await asyncio.get_running_loop().create_server(new, "0.0.0.0", PORT, ssl=context, backlog=256)  # noqa: S104 its container
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
