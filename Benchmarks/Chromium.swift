import ChildProcess
import Foundation

/// A Chromium without a screen, driven by WebDriver; it believes any certificate, because it is the page that is measured.
struct Chromium {
  private struct Answer<Value: Decodable>: Decodable { var value: Value }
  private struct Created: Decodable { var sessionId: String }

  private let session: String

  static func with<Value>(_ body: (Chromium) async throws -> Value) async throws -> Value {
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    let port = try freePort()
    let driver = BackgroundProgram(
      "chromedriver", in: directory.path, "chromedriver", ["--port=\(port)"],
      environment: Command.defaultEnvironment.merging(["HOME": directory.path]) { $1 })
    await driver.start()
    do {
      let base = "http://127.0.0.1:\(port)"
      try await eventually("chromedriver answers", log: driver.log) {
        try await Command("curl", ["-sf", "-o", "/dev/null", "--max-time", "2", "\(base)/status"]).run().status
          == .exited(0)
      }
      let arguments = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--ignore-certificate-errors", "--user-data-dir=\(directory.path)/profile",
      ]
      let created: Created = try await send(
        "\(base)/session",
        ["capabilities": ["alwaysMatch": ["browserName": "chrome", "goog:chromeOptions": ["args": arguments]]]])
      let browser = Chromium(session: "\(base)/session/\(created.sessionId)")
      let result: Result<Value, any Error>
      do { result = .success(try await body(browser)) } catch { result = .failure(error) }
      // Else Chromium writes on into a directory that is gone.
      _ = try? await Command("curl", ["-s", "-X", "DELETE", browser.session]).run()
      await driver.stop()
      return try result.get()
    } catch {
      await driver.stop()
      throw error
    }
  }

  func open(_ url: String) async throws { let _: String? = try await Self.send("\(session)/url", ["url": url]) }

  /// What the body of an asynchronous function returns.
  func run<Value: Decodable>(_ body: String, _ arguments: String...) async throws -> Value {
    let script = """
      const done = arguments[arguments.length - 1];
      (async (...args) => { \(body) })(...arguments).then(done, (error) => done({failed: String(error)}));
      """
    return try await Self.send("\(session)/execute/async", ["script": script, "args": arguments])
  }

  /// A command of the DevTools protocol.
  func develop<Value: Decodable>(_ name: String, _ parameters: [String: Any] = [:]) async throws -> Value {
    try await Self.send("\(session)/goog/cdp/execute", ["cmd": name, "params": parameters])
  }

  private static func send<Value: Decodable>(_ url: String, _ body: [String: Any]) async throws -> Value {
    let input = try JSONSerialization.data(withJSONObject: body)
    let answer = try await Command(
      "curl", ["-s", "--max-time", "60", "-H", "content-type: application/json", "--data-binary", "@-", url]
    ).check(input: Array(input), timeout: .seconds(70))
    do { return try JSONDecoder().decode(Answer<Value>.self, from: Data(answer.utf8)).value } catch {
      throw BenchmarkFailure("chromedriver: \(answer.prefix(600))")
    }
  }
}
