import Detection
import Foundation
import Testing

@testable import GuestTrace

@Suite("The configuration of a trace session")
struct TracePointsTests {
  /// As runsc reads it (gVisor, pkg/sentry/seccheck/config.go).
  struct Configuration: Decodable {
    struct Session: Decodable {
      var name: String
      var ignore_missing: Bool?
      var points: [Point]
      var sinks: [Sink]
    }

    struct Point: Decodable {
      var name: String
      var optional_fields: [String]?
      var context_fields: [String]?
    }

    struct Sink: Decodable {
      struct Remote: Decodable {
        var endpoint: String
        var retries: Int
        var backoff: String
        var backoff_max: String
      }

      var name: String
      var ignore_setup_error: Bool?
      var config: Remote
    }

    var trace_session: Session
  }

  private let data: Data
  private let session: Configuration.Session

  init() throws {
    data = try JSONEncoder().encode(TracePoints(socket: "/run/lobstack/trace.sock"))
    session = try JSONDecoder().decode(Configuration.self, from: data).trace_session
  }

  @Test("has the keys that runsc reads, and no others") func keys() throws {
    let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(Set(document.keys) == ["trace_session"])
    let session = try #require(document["trace_session"] as? [String: Any])
    #expect(Set(session.keys) == ["name", "ignore_missing", "points", "sinks"])
    let points = try #require(session["points"] as? [[String: Any]])
    for point in points {
      #expect(Set(point.keys).isSubset(of: ["name", "optional_fields", "context_fields"]))
    }
    let sinks = try #require(session["sinks"] as? [[String: Any]])
    #expect(sinks.map { Set($0.keys) } == [["name", "ignore_setup_error", "config"]])
  }

  @Test("sends to one socket, and waits for it only so long") func sink() throws {
    let sink = try #require(session.sinks.first)
    #expect(session.sinks.count == 1 && sink.name == "remote" && sink.ignore_setup_error == false)
    #expect(sink.config.endpoint == "/run/lobstack/trace.sock")
    #expect(sink.config.retries == 3 && sink.config.backoff == "25us" && sink.config.backoff_max == "10ms")
  }

  @Test("is of the one session that a sandbox may have") func name() {
    #expect(session.name == "Default")
    #expect(session.ignore_missing == true)
  }

  @Test("asks for points by their names, once each, with who did it") func points() throws {
    let names = session.points.map(\.name)
    #expect(Set(names).count == names.count)
    for point in session.points {
      let parts = point.name.split(separator: "/").map(String.init)
      switch parts.first {
      case "container": #expect(point.name == "container/start")
      case "sentry": #expect(["clone", "execve", "task_exit"].contains(parts.dropFirst().joined(separator: "/")))
      case "syscall" where parts.count == 4:
        #expect(parts[1] == "sysno" && parts[3] == "enter")
        let number = try #require(UInt64(parts[2]))
        // What the sandbox tells of can be named.
        #expect(SystemCall.type(number) != nil, "\(point.name)")
      case "syscall":
        #expect(parts.count == 3 && EventType(parts[1]) != nil && ["enter", "exit"].contains(parts[2]))
      default: Issue.record("\(point.name)")
      }
      for field in ["container_id", "credentials", "group_id", "thread_id", "time", "cwd", "process_name"] {
        #expect(point.context_fields?.contains(field) == true)
      }
    }
  }

  @Test("does not ask for what programs do all the time") func quiet() {
    let names = session.points.map(\.name)
    for call in ["read", "write", "close", "pread64", "pwrite64", "readv", "writev", "poll", "futex", "mmap"] {
      #expect(!names.contains { $0.hasPrefix("syscall/\(call)/") })
    }
    for number in [0, 1, 3, 7, 9, 202] { #expect(!names.contains("syscall/sysno/\(number)/enter")) }
  }
}
