import ChildProcess
import Faults
import Foundation
import Testing

/// A Chromium without a screen, driven through chromedriver by the W3C WebDriver protocol, as a person's hands and eyes.
struct Browser: Sendable {
  /// Keys that have no character (WebDriver §17.4.2).
  static let tab = "\u{E004}"
  static let enter = "\u{E007}"
  static let escape = "\u{E00C}"

  private let directory: String
  private let session: String

  /// Whether there is a browser; a machine that must have one sets `REQUIRE_BROWSER_TESTS`.
  static let isThere =
    Command.locate("chromedriver") != nil || ProcessInfo.processInfo.environment["REQUIRE_BROWSER_TESTS"] == "1"

  /// Runs `body` with a browser that has a profile of its own, and is gone afterwards.
  ///
  /// - Parameter roots: PEM file of the roots that the browser believes.
  static func with(trusting roots: String, _ body: (Browser) async throws -> Void) async throws {
    let directory = "/tmp/lobstack-browser-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer {
      // A profile left in the temporary directory does no harm.
      try? FileManager.default.removeItem(atPath: directory)
    }
    try await trust(roots, in: directory)
    let driver = TestProcess()
    let port = try FreePort.choose()
    await driver.start(
      Command(
        "chromedriver", ["--port=\(port)"],
        environment: Command.defaultEnvironment.merging(["HOME": directory]) { $1 }), log: "\(directory)/driver.log")
    var failure: (any Error)?
    do {
      let browser = try await Browser(directory: directory, driver: "http://127.0.0.1:\(port)")
      do { try await body(browser) } catch {
        await browser.tell("failure")
        failure = error
      }
      try await browser.command("DELETE", "")
    } catch { failure = failure ?? error }
    await driver.stop()
    if let failure { throw failure }
  }

  /// Chromium takes roots from the NSS database in its home.
  private static func trust(_ roots: String, in home: String) async throws {
    let database = "\(home)/.pki/nssdb"
    try FileManager.default.createDirectory(atPath: database, withIntermediateDirectories: true)
    try await Command("certutil", ["-N", "-d", "sql:\(database)", "--empty-password"]).check()
    let end = "-----END CERTIFICATE-----"
    let certificates = try String(contentsOfFile: roots, encoding: .utf8).components(separatedBy: end).dropLast()
    for (index, certificate) in certificates.enumerated() {
      try await Command("certutil", ["-A", "-d", "sql:\(database)", "-n", "root-\(index)", "-t", "C,,", "-a"]).check(
        input: Array("\(certificate)\(end)\n".utf8))
    }
  }

  private init(directory: String, driver: String) async throws {
    self.directory = directory
    try await eventually("chromedriver answers") {
      try await Command("curl", ["-s", "-o", "/dev/null", "--max-time", "2", "\(driver)/status"]).run().status
        == .exited(0)
    }
    struct Created: Decodable { var sessionId: String }
    let arguments = [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
      "--user-data-dir=\(directory)/profile",
    ]
    let created: Created = try await Self.request(
      "POST", "\(driver)/session",
      [
        "capabilities": [
          "alwaysMatch": [
            "browserName": "chrome", "goog:loggingPrefs": ["browser": "ALL"], "goog:chromeOptions": ["args": arguments],
          ]
        ]
      ])
    session = "\(driver)/session/\(created.sessionId)"
  }

  // MARK: The protocol

  private struct Answer<Value: Decodable>: Decodable { var value: Value }
  private struct Refusal: Decodable { var error, message: String }

  private static func send(_ method: String, _ url: String, _ body: [String: Any]) async throws -> Data {
    let input = try JSONSerialization.data(withJSONObject: body)
    let words = ["-s", "-X", method, "--max-time", "60", "-H", "content-type: application/json", "--data-binary", "@-"]
    let answer = try await Command("curl", words + [url]).run(
      input: Array(input), timeout: .seconds(70), outputLimit: 64 << 20
    ).standardOutput
    let data = Data(answer.utf8)
    // What does not decode as a refusal is what was asked for.
    if let refusal = try? JSONDecoder().decode(Answer<Refusal>.self, from: data).value {
      throw Fault(
        .failed, operation: "drive the browser", reason: "\(refusal.error): \(refusal.message.prefix(500))",
        remedy: "see the picture 'failure'")
    }
    return data
  }

  private static func request<Value: Decodable>(_ method: String, _ url: String, _ body: [String: Any] = [:])
    async throws -> Value
  { try JSONDecoder().decode(Answer<Value>.self, from: await send(method, url, body)).value }

  private func command(_ method: String, _ path: String, _ body: [String: Any] = [:]) async throws {
    _ = try await Self.send(method, session + path, body)
  }

  // MARK: What a person does

  func open(_ url: String) async throws { try await command("POST", "/url", ["url": url]) }

  /// Presses keys one after the other, in whatever has the focus.
  func type(_ keys: String) async throws {
    let actions = keys.flatMap { key in
      [["type": "keyDown", "value": "\(key)"], ["type": "keyUp", "value": "\(key)"]]
    }
    try await command(
      "POST", "/actions", ["actions": [["type": "key", "id": "keyboard", "actions": actions]]])
  }

  /// Clicks what a selector of CSS finds; it must be seen and not be covered. A page that is drawn anew at that moment has
  /// it a moment later.
  func click(_ selector: String) async throws {
    try await eventually("'\(selector)' is clicked", within: .seconds(20)) { try await clickNow(selector) }
  }

  private func clickNow(_ selector: String) async throws -> Bool {
    let element: [String: String] = try await Self.request(
      "POST", "\(session)/element", ["using": "css selector", "value": selector])
    guard let id = element.values.first else { return false }
    try await command("POST", "/element/\(id)/click")
    return true
  }

  /// Clicks the button with that text, in the dialog that is open or else in the page.
  func press(_ text: String) async throws {
    try await eventually("the button '\(text)' is pressed", within: .seconds(20)) {
      guard try await mark(text) else { return false }
      return try await clickNow("[data-press]")
    }
  }

  private func mark(_ text: String) async throws -> Bool {
    try await run(
      """
      const place = document.querySelector("dialog[open]:last-of-type") ?? document;
      const found = [...place.querySelectorAll("button")].find((one) => one.textContent === arguments[0]);
      document.querySelectorAll("[data-press]").forEach((one) => delete one.dataset.press);
      if (found) found.dataset.press = "";
      return Boolean(found);
      """, text)
  }

  // MARK: What a person sees

  /// The value of a script's `return`.
  func run<Value: Decodable>(_ script: String, _ arguments: String...) async throws -> Value {
    try await Self.request("POST", "\(session)/execute/sync", ["script": script, "args": arguments])
  }

  /// The text of what a selector finds, as it is shown; empty when there is nothing.
  func text(_ selector: String = "main") async throws -> String {
    try await run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
  }

  /// Waits until a text is shown.
  func sees(_ text: String, in selector: String = "body", within limit: Duration = .seconds(60)) async throws {
    try await eventually("'\(text)' is shown", within: limit) { try await self.text(selector).contains(text) }
  }

  /// What the console was told of, faults alone, since it was last asked.
  func faults() async throws -> [String] {
    struct Entry: Decodable { var level, message: String }
    let entries: [Entry] = try await Self.request("POST", "\(session)/se/log", ["type": "browser"])
    return entries.filter { $0.level == "SEVERE" }.map(\.message)
  }

  // MARK: Looks

  func look(_ scheme: String, width: Int, height: Int = 1_000) async throws {
    try await develop(
      "Emulation.setEmulatedMedia", ["features": [["name": "prefers-color-scheme", "value": scheme]]])
    try await develop(
      "Emulation.setDeviceMetricsOverride",
      ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": false])
  }

  /// Keeps a picture of the page as `NAME.png` where CI keeps what tests leave.
  func picture(_ name: String) async throws {
    let image: String = try await Self.request("GET", "\(session)/screenshot")
    let directory = Self.artifacts
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try #require(Data(base64Encoded: image)).write(to: URL(filePath: "\(directory)/\(name).png"))
  }

  func clearCookies() async throws { try await command("DELETE", "/cookie") }

  private func develop(_ name: String, _ parameters: [String: Any]) async throws {
    try await command("POST", "/goog/cdp/execute", ["cmd": name, "params": parameters])
  }

  private func tell(_ name: String) async {
    // The test has failed already; this is for whoever reads why.
    guard let text = try? await text("body") else { return }
    print("--- the page\n\(text.prefix(3_000))")
    if let faults = try? await faults() { print("--- its console\n\(faults.joined(separator: "\n"))") }
    try? await picture(name)
  }

  private static let artifacts: String = {
    if let named = ProcessInfo.processInfo.environment["LOBSTACK_ARTIFACTS"], !named.isEmpty {
      return "\(named)/dashboard"
    }
    return URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../.build/artifacts/dashboard")
      .standardizedFileURL.path
  }()
}
