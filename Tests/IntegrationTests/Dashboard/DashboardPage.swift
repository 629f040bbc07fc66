import APIModel
import AgentModel
import Foundation
import Testing

/// The dashboard of a platform, in a browser that believes the platform's roots.
struct DashboardPage: Sendable {
  let browser: Browser
  let platform: TestPlatform

  private var address: String { "https://localhost:\(platform.port)/dashboard/" }

  static func with(_ platform: TestPlatform, _ body: (DashboardPage, Browser) async throws -> Void) async throws {
    try await Browser.with(trusting: platform.layout.trustBundle) { browser in
      try await body(DashboardPage(browser: browser, platform: platform), browser)
    }
  }

  /// A token of that role; of the tenant `default` if it is not an administrator's.
  func token(_ role: String) async throws -> String {
    let created: CreatedToken = try await platform.run("token", "create", "page-\(role)", "--role", role, "-o", "json")
      .ok().json()
    return created.secret
  }

  /// The login, with whatever violates the page's content security policy kept in `violations`.
  func open() async throws {
    try await browser.open(address)
    try await keepViolations()
    try await browser.sees("Log in to Lobstack")
    // A page of which a part did not arrive has loaded itself once more, and forgotten.
    try await keepViolations()
  }

  private func keepViolations() async throws {
    let _: Bool = try await browser.run(
      """
      if (!window.violations) {
        window.violations = [];
        document.addEventListener("securitypolicyviolation",
          (event) => violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
      }
      return true;
      """)
  }

  func logIn(as role: String) async throws {
    try await open()
    try await browser.type(try await token(role) + Browser.enter)
    try await browser.sees("Platform", in: "main h1")
  }

  /// Sets the address after `#`, whatever it leads to.
  func go(_ place: String) async throws {
    let _: Bool = try await browser.run("location.hash = arguments[0]; return true", place)
  }

  /// A view by its address after `#`, once its heading is there.
  func go(_ place: String, heading: String) async throws {
    try await go(place)
    try await eventually("the view \(place) is shown", within: .seconds(60)) {
      try await browser.run(
        "return document.querySelector('main h1')?.innerText === arguments[0] && !document.querySelector('main[aria-busy]')",
        heading)
    }
  }

  func violations() async throws -> [String] { try await browser.run("return window.violations") }
}
