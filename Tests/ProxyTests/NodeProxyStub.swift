/// Stands for the outside, in Python, of which only the standard library is needed: a name server that knows every
/// name but those that begin with "nx", a host behind TLS that answers by path, and the agents' own servers.
///
/// Arguments: the host's address, the directory with certificates, then address:port of each agent's server.
enum NodeProxyStub {
  static let script = #"""
    import asyncio, gzip, json, socket, ssl, sys

    address, directory, agents = sys.argv[1], sys.argv[2], sys.argv[3:]

    async def request(reader):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}
        if length := int(headers.get("content-length", 0)): await reader.readexactly(length)
        return lines[0], headers

    def whole(body, extra=b""):
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n%s\r\n" % (len(body), extra) + body

    def chunk(body):
        return b"%x\r\n%s\r\n" % (len(body), body)

    async def answer(line, headers, writer):
        path, key = line.split(" ")[1], headers.get("x-api-key", "").encode()
        if path.startswith("/v1/echo"):
            text = json.dumps({"line": line, "headers": headers}).encode()
            writer.write(whole(text, b"x-echo: %s\r\nx-echo: other\r\n" % key))
        elif path.startswith("/v1/key"):
            writer.write(whole(key.hex().encode()))
        elif path.startswith("/v1/split"):
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for place in range(1, len(key)):
                for part in (b"<" + key[:place], key[place:] + b">"):
                    writer.write(chunk(part)); await writer.drain(); await asyncio.sleep(0.002)
            for byte in key:
                writer.write(chunk(bytes([byte]))); await writer.drain(); await asyncio.sleep(0.002)
            writer.write(chunk(b"|" + key[:-1]) + b"0\r\n\r\n")
        elif path.startswith("/v1/gzip"):
            writer.write(whole(gzip.compress(key), b"content-encoding: gzip\r\n"))
        elif path.startswith("/v1/early"):
            writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: %s\r\n\r\n" % key + whole(b"late"))
        elif path.startswith("/v1/events"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(chunk(b"data: first\n\n")); await writer.drain()
            await asyncio.sleep(3)
            writer.write(chunk(b"data: last\n\n") + b"0\r\n\r\n")
        else:
            writer.write(whole(b"path " + path.encode()))

    async def serve(reader, writer):
        try:
            while True:
                line, headers = await request(reader)
                if headers.get("upgrade") == "websocket":
                    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
                    while data := await reader.read(100): writer.write(b"heard " + data); await writer.drain()
                    return
                await answer(line, headers, writer); await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError): pass
        finally: writer.close()

    class Names(asyncio.DatagramProtocol):
        def connection_made(self, transport): self.transport = transport
        def datagram_received(self, data, peer):
            end = data.index(b"\0", 12)
            question, kind = data[12:end + 5], data[end + 1:end + 3]
            if data[13:15] == b"nx": head, records = b"\x81\x83\0\1\0\0\0\0\0\0", b""
            elif kind != b"\0\1": head, records = b"\x81\x80\0\1\0\0\0\0\0\0", b""
            else:
                head = b"\x81\x80\0\1\0\1\0\0\0\0"
                records = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + socket.inet_aton(address)
            self.transport.sendto(data[:2] + head + question + records, peer)

    async def main():
        def context(name):
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made.load_cert_chain(f"{directory}/{name}.crt", f"{directory}/{name}.key")
            return made
        good, bad = context("host"), context("elsewhere")
        def choose(connection, name, _):
            if name == "bad.stub.test": connection.context = bad
        good.sni_callback = choose
        await asyncio.start_server(serve, address, 10443, ssl=good)
        for agent in agents:
            host, port = agent.split(":")
            await asyncio.start_server(serve, host, int(port))
        await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=(address, 10053))
        open(f"{directory}/ready", "w").close()
        await asyncio.Event().wait()

    asyncio.run(main())
    """#
}
