import ChildProcess
import Foundation
import Glibc
import KernelFiles

/// OpenBao's PKI engine under load.
enum OpenBaoPeer {
  struct Result: Sendable {
    var connections: Int
    var load: LoadResult
    /// Certificates for each second of OpenBao's processor time.
    var perCore: Double
  }

  private static let token = "benchmark"
  private static let seconds = 4

  /// What scripts/setup may have installed, else the program of PATH.
  private static func locate() -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? Command.searchPath
    return (["/usr/local/lib/lobstack"] + path.split(separator: ":").map(String.init)).map { "\($0)/bao" }
      .first { access($0, X_OK) == 0 }
  }

  /// - Returns: `nil` when there is no OpenBao on this machine.
  static func measure(
    in directory: String, identity: String, request: [UInt8]
  ) async throws -> (sign: [Result], issue: [Result])? {
    guard let program = locate() else { return nil }
    let address = "127.0.0.1:\(try freePort())"
    let environment = Command.defaultEnvironment.merging([
      "BAO_ADDR": "http://\(address)", "BAO_TOKEN": token, "HOME": directory,
    ]) { $1 }
    let server = BackgroundProgram(
      "bao", in: directory, program,
      [
        "server", "-dev", "-dev-root-token-id=\(token)", "-dev-listen-address=\(address)", "-dev-no-store-token",
        "-log-level=error",
      ], environment: environment)
    func bao(_ arguments: String...) async throws {
      try await Command(program, arguments, environment: environment).check()
    }
    await server.start()
    do {
      try await eventually("OpenBao answers", log: server.log) {
        try await bao("status")
        return true
      }
      try await bao("secrets", "enable", "pki")
      try await bao(
        "write", "pki/root/generate/internal", "common_name=bench", "key_type=ec", "key_bits=256", "ttl=700h")
      try await bao(
        "write", "pki/roles/agent", "key_type=ec", "key_bits=256", "allowed_uri_sans=spiffe://lobstack.local/*",
        "require_cn=false", "use_csr_common_name=false", "use_csr_sans=false", "key_usage=DigitalSignature",
        "basic_constraints_valid_for_non_ca=true", "max_ttl=24h", "no_store=true")
      let sign = try script(
        "sign", in: directory, body: ["uri_sans": identity, "ttl": "24h", "csr": pem(request)])
      let issue = try script("issue", in: directory, body: ["uri_sans": identity, "ttl": "24h"])
      let process = try server.process()
      let result = (
        sign: try await load("http://\(address)/v1/pki/sign/agent", script: sign, process: process),
        issue: try await load("http://\(address)/v1/pki/issue/agent", script: issue, process: process)
      )
      await server.stop()
      return result
    } catch {
      await server.stop()
      throw error
    }
  }

  private static func load(_ url: String, script: String, process: Int32) async throws -> [Result] {
    let test = LoadTest(name: "OpenBao", url: url, script: script)
    _ = try await test.run(connections: 1, seconds: 1)
    var results: [Result] = []
    for connections in [1, 16] {
      let before = try processorSeconds(process)
      let load = try await test.run(connections: connections, seconds: seconds)
      let used = try processorSeconds(process) - before
      guard load.failed == 0 else { throw BenchmarkFailure("OpenBao refuses \(load.failed) of \(load.requests)") }
      results.append(Result(connections: connections, load: load, perCore: Double(load.requests) / used))
    }
    return results
  }

  /// User and system time (proc_pid_stat(5), fields 14 and 15).
  private static func processorSeconds(_ process: Int32) throws -> Double {
    let text = try kernelFile("/proc/\(process)/stat")
    let fields = try parsed(text.split(separator: ")").last).split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      throw BenchmarkFailure("/proc/\(process)/stat is not as it should be")
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func script(_ name: String, in directory: String, body: [String: String]) throws -> String {
    let path = "\(directory)/\(name).lua"
    let json = String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
    try """
    wrk.method = "POST"
    wrk.headers["X-Vault-Token"] = "\(token)"
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = [[\(json)]]
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private static func pem(_ der: [UInt8]) -> String {
    let text = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
    return "-----BEGIN CERTIFICATE REQUEST-----\n\(text)\n-----END CERTIFICATE REQUEST-----\n"
  }
}
