import AgentModel
import ChildProcess
import Foundation
import JSONValues
import Proxy
import Testing

/// The way in to a cluster's agents, with stubs of the cluster's name server, of the control plane and of one agent's
/// gateway.
struct AgentIngressWorld {
  let base: NodeProxyWorld
  let ingress: AgentIngress

  /// What it is told here, where addresses and ports are the test's own.
  static func ingress(_ front: AgentIngress.Front = .mesh, in base: NodeProxyWorld) throws -> AgentIngress {
    var ingress = AgentIngress(front, controlPlane: "control-plane.lobstack-control-plane.svc")
    let directory = base.directory
    ingress.layout.address = base.layout.serviceAddress
    ingress.layout.files = EnvoyFiles(directory: "\(directory)/volume", secretsOnly: true)
    ingress.layout.adminSocket = "\(directory)/admin.sock"
    ingress.layout.apiSocket = "\(directory)/questions.sock"
    ingress.controlPlanePort = 10080
    ingress.resolver = base.layout.resolver
    return ingress
  }

  static func running(_ body: (AgentIngressWorld) async throws -> Void) async throws {
    try await NodeProxyWorld.with { base in
      let processes = [ProcessTask(), ProcessTask()]
      let result: Result<Void, any Error>
      do {
        let world = AgentIngressWorld(base: base, ingress: try ingress(in: base))
        try world.write()
        try agentIngressStub.write(toFile: "\(base.directory)/stub.py", atomically: true, encoding: .utf8)
        let outside = try #require(base.layout.resolver).address
        await processes[0].start(
          Command("/usr/bin/python3", ["\(base.directory)/stub.py", outside, base.directory]),
          log: "\(base.directory)/stub.log")
        try await eventually { FileManager.default.fileExists(atPath: "\(base.directory)/ready") }
        await processes[1].start(
          Command(
            envoyProgram, world.ingress.layout.arguments(bootstrap: "\(base.directory)/volume/bootstrap.json")),
          log: "\(base.directory)/envoy.log")
        try await eventually {
          try await base.curl(["http://\(world.ingress.layout.address):\(world.ingress.probePort)/ready"]).status == 200
        }
        result = .success(try await body(world))
      } catch { result = .failure(error) }
      for process in processes { await process.stop() }
      try result.get()
    }
  }

  func write() throws {
    try FileManager.default.createDirectory(atPath: "\(base.directory)/volume", withIntermediateDirectories: true)
    for (name, text) in ingress.files {
      try text.write(toFile: "\(base.directory)/volume/\(name)", atomically: true, encoding: .utf8)
    }
  }

  func call(_ path: String, token: String? = "good", _ more: String...) async throws -> NodeProxyWorld.Answer {
    try await base.curl(
      (token.map { ["-H", "authorization: Bearer \($0)"] } ?? []) + more
        + ["http://\(ingress.layout.address):\(ingress.layout.port)\(path)"])
  }

  /// What the stubs saw, one line each.
  func seen(_ kind: String) throws -> [String] {
    try String(contentsOfFile: "\(base.directory)/stub.log", encoding: .utf8).split(separator: "\n")
      .filter { $0.hasPrefix("\(kind) ") }.map(String.init)
  }
}

/// `stub.py <address> <directory>`: a name server that knows the control plane, the gateway of agent acme/one and one
/// other host; the control plane, which knows the tokens "good" and "lost" (whose answer names nobody); that gateway.
private let agentIngressStub = #"""
  import asyncio, json, socket, sys

  address, directory = sys.argv[1], sys.argv[2]
  names = ["control-plane.lobstack-control-plane.svc", "gateway-one.lobstack-agents-acme.svc", "other.test"]

  async def request(reader):
      lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
      headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}
      if length := int(headers.get("content-length", 0)): await reader.readexactly(length)
      return lines[0], headers

  def whole(status, body, extra=b""):
      return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n%s\r\n" % (status, len(body), extra) + body

  def control_plane(line, headers, writer):
      print("asked", line, json.dumps(headers), flush=True)
      token = headers.get("authorization", "").removeprefix("Bearer ")
      if token == "good": answer = whole(b"200 OK", b"", b"x-lobstack-agent-gateway: gateway-one.lobstack-agents-acme\r\nx-lobstack-caller: alice@example.org\r\n")
      elif token == "lost": answer = whole(b"200 OK", b"")
      elif token == "broken": answer = whole(b"500 Internal Server Error", b"secret")
      else: answer = whole(b"401 Unauthorized", b"{}", b"content-type: application/problem+json\r\n")
      writer.write(answer)

  def gateway(line, headers, writer):
      print("called", line, flush=True)
      if headers.get("upgrade") == "websocket":
          writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
          return True
      text = json.dumps({"line": line, "headers": headers}).encode()
      writer.write(whole(b"200 OK", text, b"set-cookie: a=b\r\nserver: agent\r\n"))

  def server(answer):
      async def serve(reader, writer):
          try:
              while True:
                  line, headers = await request(reader)
                  if answer(line, headers, writer):
                      while data := await reader.read(100): writer.write(b"heard " + data); await writer.drain()
                      return
                  await writer.drain()
          except (asyncio.IncompleteReadError, ConnectionError): pass
          finally: writer.close()
      return serve

  class Names(asyncio.DatagramProtocol):
      def connection_made(self, transport): self.transport = transport
      def datagram_received(self, data, peer):
          labels, place = [], 12
          while data[place]: labels.append(data[place + 1:place + 1 + data[place]].decode()); place += data[place] + 1
          question, name = data[12:place + 5], ".".join(labels)
          print("looked", name, flush=True)
          known = name in names and data[place + 1:place + 3] == b"\0\1"
          head = b"\x81\x80\0\1\0\1\0\0\0\0" if known else b"\x81\x83\0\1\0\0\0\0\0\0"
          records = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + socket.inet_aton(address) if known else b""
          self.transport.sendto(data[:2] + head + question + records, peer)

  async def main():
      await asyncio.start_server(server(control_plane), address, 10080)
      await asyncio.start_server(server(gateway), address, 15081)
      await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=(address, 10053))
      open(f"{directory}/ready", "w").close()
      await asyncio.Event().wait()

  asyncio.run(main())
  """#
