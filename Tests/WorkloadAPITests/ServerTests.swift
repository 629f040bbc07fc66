import AgentModel
import CertificateAuthority
import ChildProcess
import Foundation
import Logging
import NIOHPACK
import Testing
import WorkloadAPI

@Suite("The Workload API's server", .timeLimit(.minutes(2))) struct ServerTests {
  @Test("answers a call") func answers() async throws {
    let fixture = try WorkloadFixture()
    try await fixture.serve {
      let client = try await RawClient(fixture.socket)
      let answer = try await client.call { $0.data.count > 300 }
      #expect(answer.headers.first(name: "content-type") == "application/grpc")
      #expect(answer.data.starts(with: [0, 0, 0]))
      let validated = try await client.call(RawClient.headers("ValidateJWTSVID"))
      #expect(validated.status == "3")
      try await client.close()
    }
  }

  @Test("takes a message in any pieces") func pieces() async throws {
    let fixture = try WorkloadFixture()
    try await fixture.serve {
      let client = try await RawClient(fixture.socket)
      let message = RawClient.framed([0x0A, 3] + Array("abc".utf8))
      let answer = try await client.call(RawClient.headers("FetchJWTSVID"), message.map { [$0] })
      #expect(answer.status == "0")
      #expect(fixture.issued.ids == ["\(WorkloadFixture.id) abc"])
      try await client.close()
    }
  }

  @Test("says what is wrong with a call") func refusals() async throws {
    let fixture = try WorkloadFixture()
    func changed(_ name: String, _ value: String?) -> HPACKHeaders {
      var headers = RawClient.headers()
      headers.remove(name: name)
      if let value {
        // Pseudo-headers come first.
        headers = name.hasPrefix(":") ? HPACKHeaders([(name, value)] + headers.map { ($0.name, $0.value) }) : headers
        if !name.hasPrefix(":") { headers.add(name: name, value: value) }
      }
      return headers
    }
    let calls: [(HPACKHeaders, [[UInt8]], String)] = [
      (changed("workload.spiffe.io", nil), [RawClient.framed()], "3"),
      (changed("workload.spiffe.io", "TRUE"), [RawClient.framed()], "3"),
      (changed("workload.spiffe.io", "true,true"), [RawClient.framed()], "3"),
      (changed(":path", "/"), [RawClient.framed()], "12"),
      (changed(":path", "/spiffe.SpiffeWorkloadAPI/FetchX509Bundles"), [RawClient.framed()], "12"),
      (changed(":path", "/SpiffeWorkloadAPI/FetchX509Bundles/"), [RawClient.framed()], "12"),
      (changed(":method", "GET"), [RawClient.framed()], "405"),
      (changed("content-type", "application/json"), [RawClient.framed()], "415"),
      (changed("content-type", "application/grpcx"), [RawClient.framed()], "415"),
      (changed("content-type", nil), [RawClient.framed()], "415"),
      (RawClient.headers(), [[]], "3"), (RawClient.headers(), [[0, 0, 0]], "3"),
      (RawClient.headers(), [RawClient.framed(length: 1)], "3"),
      (RawClient.headers(), [RawClient.framed(length: 0xFFFF_FFFF)], "3"),
      (RawClient.headers(), [RawClient.framed(), RawClient.framed()], "3"),
      (RawClient.headers(), [RawClient.framed(compressed: 1)], "12"),
      (RawClient.headers("FetchJWTSVID"), [RawClient.framed([0x0B])], "3"),
      (RawClient.headers("FetchJWTSVID"), [RawClient.framed([0x0A, 1, 0xFF])], "3"),
      (RawClient.headers("FetchJWTSVID"), [RawClient.framed([UInt8](repeating: 0, count: 32_769))], "8"),
    ]
    try await fixture.serve {
      let client = try await RawClient(fixture.socket)
      for (headers, pieces, status) in calls {
        let answer = try await client.call(headers, pieces)
        #expect(answer.status == status, "\(headers) \(answer)")
      }
      #expect(fixture.issued.ids == [])
      try await client.close()
    }
  }

  @Test("gives a caller who never comes to the point a limited time") func slow() async throws {
    let fixture = try WorkloadFixture { $0.requestTimeout = .milliseconds(100) }
    try await fixture.serve {
      let client = try await RawClient(fixture.socket)
      #expect(try await client.call(RawClient.headers(), nil).status == "4")
      try await client.close()
    }
  }

  @Test("closes connections that say nothing") func idle() async throws {
    let fixture = try WorkloadFixture { $0.idleTimeout = .milliseconds(200) }
    try await fixture.serve {
      let client = try await RawClient(fixture.socket)
      try await eventually("the end of an idle connection") { !client.isOpen }
    }
  }

  @Test("cuts off whoever stops in the middle of a connection's first bytes") func stalled() async throws {
    let fixture = try WorkloadFixture {
      $0.idleTimeout = .milliseconds(100)
      $0.grace = .milliseconds(100)
    }
    try await fixture.serve {
      let said = try await Command(
        "python3",
        [
          "-c",
          """
          import socket, sys
          preface = b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n"
          settings = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
          headers = bytes([0, 1, 0, 1, 4, 0, 0, 0, 1])
          unending = bytes([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x83])
          starts = [b"", preface[:9], preface, preface + settings, preface + settings + headers, preface + settings + unending]
          sockets = []
          for start in starts:
              s = socket.socket(socket.AF_UNIX)
              s.settimeout(20)
              s.connect(sys.argv[1])
              s.sendall(start)
              sockets.append(s)
          for s in sockets:
              try:
                  while s.recv(65536):
                      pass
                  print("closed")
              except ConnectionResetError:
                  print("closed")
              except TimeoutError:
                  print("open")
          """, fixture.socket,
        ]
      ).check()
      #expect(said == String(repeating: "closed\n", count: 6))
    }
  }

  @Test("closes one connection more than a user may have, and takes the next when one has ended")
  func connections() async throws {
    let fixture = try WorkloadFixture { $0.connectionsPerUser = 3 }
    try await fixture.serve {
      var clients: [RawClient] = []
      for _ in 0..<3 {
        let client = try await RawClient(fixture.socket)
        #expect(try await client.call(RawClient.headers("ValidateJWTSVID")).status == "3")
        clients.append(client)
      }
      let refused = try await RawClient(fixture.socket)
      try await eventually("the end of a connection too many") { !refused.isOpen }
      try await clients[0].close()
      try await eventually("room for a connection") {
        let next = try await RawClient(fixture.socket)
        let answer = try? await next.call(RawClient.headers("ValidateJWTSVID"))
        try? await next.close()
        return answer?.status == "3"
      }
      for client in clients.dropFirst() { try await client.close() }
    }
  }

  @Test("bears more calls at a time than a connection may have") func streams() async throws {
    let fixture = try WorkloadFixture { $0.streams = 4 }
    try await fixture.serve {
      let greedy = try await RawClient(fixture.socket)
      let statuses = try await withThrowingTaskGroup(of: String?.self) { group in
        for _ in 0..<40 {
          group.addTask {
            // The server may end the connection of a client that goes past its limit.
            try? await greedy.call(RawClient.headers("ValidateJWTSVID")).status
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.allSatisfy { $0 == nil || $0 == "3" })
      let modest = try await RawClient(fixture.socket)
      #expect(try await modest.call(RawClient.headers("ValidateJWTSVID")).status == "3")
      try await modest.close()
      try? await greedy.close()
    }
  }

  @Test("bears garbage, and goes on serving") func garbage() async throws {
    let fixture = try WorkloadFixture()
    try await fixture.serve {
      for seed in 0..<20 {
        try await Command(
          "python3",
          [
            "-c",
            """
            import random, socket, sys
            random.seed(int(sys.argv[2]))
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(2)
            s.connect(sys.argv[1])
            data = random.randbytes(random.randrange(1, 5000))
            if int(sys.argv[2]) % 2:
                data = b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]) + data
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except OSError:
                pass
            """, fixture.socket, "\(seed)",
          ]
        ).check()
      }
      let client = try await RawClient(fixture.socket)
      #expect(try await client.call(RawClient.headers("ValidateJWTSVID")).status == "3")
      try await client.close()
    }
  }

  @Test("ends with its task, in the middle of open streams") func shutdown() async throws {
    let fixture = try WorkloadFixture()
    let time = try await ContinuousClock().measure {
      try await fixture.serve {
        let client = try await RawClient(fixture.socket)
        let (opened, signal) = AsyncStream.makeStream(of: Void.self)
        // Left open: the server's end must end it.
        Task {
          _ = try? await client.call { answer in
            if !answer.data.isEmpty { signal.yield() }
            return false
          }
        }
        for await _ in opened { break }
      }
    }
    #expect(time < .seconds(5))
  }

  @Test("leaves a socket in no one's way, and takes over a dead one") func socket() async throws {
    let fixture = try WorkloadFixture()
    try await fixture.serve {
      let attributes = try FileManager.default.attributesOfItem(atPath: fixture.socket)
      #expect(attributes[.posixPermissions] as? Int == 0o666)
    }
    let missing = WorkloadServer(
      socket: "/nonexistent/workload.sock", authority: fixture.authority, table: fixture.table,
      logger: Logger(label: "test"))
    await #expect(throws: (any Error).self) { try await missing.run() }
  }
}
