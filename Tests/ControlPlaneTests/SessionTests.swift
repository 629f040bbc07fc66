import APIModel
import AgentModel
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Storage
import Testing

@testable import ControlPlane

@Suite("A browser's session") struct SessionTests {
  private static let gateway = Peer.workload(.service(.gateway, in: .default))

  private static func cookie(_ response: TestResponse) throws -> String {
    let text = try #require(response.headers[.setCookie])
    return String(try #require(text.split(separator: ";").first))
  }

  private static func headers(
    _ cookie: String, csrf: String? = nil, site: String? = "same-origin"
  ) -> HTTPFields {
    var headers: HTTPFields = [.cookie: cookie]
    headers[.csrfToken] = csrf
    headers[.secFetchSite] = site
    return headers
  }

  @Test("stands for the token that began it, in a cookie that no script reads and no other site sends")
  func begins() async throws {
    try await Platform.with { platform in
      let token = try await platform.token(.operator, tenant: "acme")
      try await platform.test(as: Self.gateway) { caller in
        let login = try await caller.send(.post, "/v1/session", token: token)
        #expect(login.status == .created)
        let attributes = try #require(login.headers[.setCookie])
        #expect(attributes.hasPrefix("__Host-lobstack-session="))
        for attribute in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
          #expect(attributes.contains(attribute), "\(attributes)")
        }
        #expect(!attributes.contains("Domain") && !attributes.contains(token))
        let session = try decode(SessionResource.self, login)
        #expect(session.role == .operator && session.tenant == TenantName("acme"))
        let cookie = try Self.cookie(login)
        let shown = try await caller.send(.get, "/v1/session", headers: Self.headers(cookie))
        #expect(try decode(SessionResource.self, shown) == session)
        let identity = try decode(
          IdentityResource.self, try await caller.send(.get, "/v1/identity", headers: Self.headers(cookie)))
        #expect(identity.name == session.name)
        #expect(try await caller.send(.get, "/v1/tokens", headers: Self.headers(cookie)).status == .forbidden)
      }
      #expect(await platform.audit.events.contains { $0.action == "session.create" })
    }
  }

  @Test("changes nothing without its own token, and answers no other site") func forgery() async throws {
    try await Platform.with { platform in
      let token = try await platform.token(.admin)
      try await platform.test(as: Self.gateway) { caller in
        let login = try await caller.send(.post, "/v1/session", token: token)
        let (cookie, csrf) = (try Self.cookie(login), try decode(SessionResource.self, login).csrfToken)
        func create(_ name: String, _ headers: HTTPFields) async throws -> HTTPResponse.Status {
          try await caller.send(.post, "/v1/agents", body: document(name), headers: headers).status
        }
        #expect(try await create("a", Self.headers(cookie)) == .unauthorized)
        #expect(try await create("a", Self.headers(cookie, csrf: csrf + "x")) == .unauthorized)
        for site in ["cross-site", "same-site", "none"] {
          #expect(try await create("a", Self.headers(cookie, csrf: csrf, site: site)) == .unauthorized, "\(site)")
        }
        #expect(try await create("a", Self.headers(cookie, csrf: csrf)) == .created)
        // A browser that does not say where its request comes from.
        #expect(try await create("b", Self.headers(cookie, csrf: csrf, site: nil)) == .created)
        for (site, status) in [("cross-site", 401), ("same-site", 401), ("none", 200), ("same-origin", 200)] {
          let read = try await caller.send(.get, "/v1/agents", headers: Self.headers(cookie, site: site))
          #expect(read.status.code == status, "\(site)")
        }
      }
    }
  }

  @Test("is nothing to anybody but the gateway, and yields to a token") func gatewayAlone() async throws {
    try await Platform.with { platform in
      let (admin, viewer) = (try await platform.token(.admin), try await platform.token(.viewer))
      let kept = Kept()
      try await platform.test(as: Self.gateway) { caller in
        await kept.keep(try Self.cookie(try await caller.send(.post, "/v1/session", token: admin)))
        let shown = try await caller.send(
          .get, "/v1/tokens", token: viewer, headers: Self.headers(await kept.cookie))
        #expect(shown.status == .forbidden)
        let wrong = try await caller.send(.get, "/v1/agents", token: "lob_x", headers: Self.headers(await kept.cookie))
        #expect(wrong.status == .unauthorized)
      }
      for peer in [Peer.remote, .unix(uid: 1000)] {
        try await platform.test(as: peer) { caller in
          let headers = Self.headers(await kept.cookie)
          let read = try await caller.send(.get, "/v1/agents", headers: headers)
          let login = try await caller.send(.post, "/v1/session", token: admin)
          #expect(read.status == .unauthorized && login.status == .forbidden)
        }
      }
    }
  }

  @Test("ends when it is logged out of, and with its token") func ends() async throws {
    try await Platform.with { platform in
      let token = try await platform.token(.admin)
      try await platform.test(as: Self.gateway) { caller in
        func login() async throws -> (cookie: String, csrf: String) {
          let answer = try await caller.send(.post, "/v1/session", token: token)
          return (try Self.cookie(answer), try decode(SessionResource.self, answer).csrfToken)
        }
        func status(_ cookie: String) async throws -> HTTPResponse.Status {
          try await caller.send(.get, "/v1/agents", headers: Self.headers(cookie)).status
        }
        let (first, second) = (try await login(), try await login())
        #expect(first.cookie != second.cookie)
        let out = try await caller.send(.delete, "/v1/session", headers: Self.headers(first.cookie, csrf: first.csrf))
        #expect(out.status == .noContent && out.headers[.setCookie]?.contains("Max-Age=0") == true)
        #expect(try await status(first.cookie) == .unauthorized)
        #expect(try await status(second.cookie) == .ok)
        let tokens = try await platform.store.tokens()
        let revoked = try await caller.send(
          .delete, "/v1/tokens/\(tokens[0].id)", headers: Self.headers(second.cookie, csrf: second.csrf))
        #expect(revoked.status == .noContent)
        #expect(try await status(second.cookie) == .unauthorized)
        #expect(try await status("__Host-lobstack-session=made-up") == .unauthorized)
      }
      #expect(await platform.audit.events.count { $0.action == "session.delete" } == 1)
    }
  }

  @Test("ends after an hour without use, and after twelve hours in any case") func time() throws {
    let sessions = Sessions()
    let start = ContinuousClock.now
    let (_, cookie) = sessions.begin(Session.Token(id: "a", hash: [1]), at: start)
    #expect(sessions.session(of: cookie, at: start + .seconds(3_599)) != nil)
    #expect(sessions.session(of: cookie, at: start + .seconds(2 * 3_599)) != nil)
    #expect(sessions.session(of: cookie, at: start + .seconds(3 * 3_600)) == nil)
    let (_, busy) = sessions.begin(Session.Token(id: "a", hash: [1]), at: start)
    for minutes in stride(from: 30, to: 720, by: 30) {
      #expect(sessions.session(of: busy, at: start + .seconds(minutes * 60)) != nil)
    }
    #expect(sessions.session(of: busy, at: start + .seconds(720 * 60)) == nil)
  }

  @Test("gives way to newer ones of its token, and leaves those of others") func bounds() throws {
    let sessions = Sessions()
    let start = ContinuousClock.now
    let (_, other) = sessions.begin(Session.Token(id: "other", hash: [2]), at: start)
    let own = (0..<25).map { sessions.begin(Session.Token(id: "a", hash: [1]), at: start + .seconds($0)).cookie }
    let alive = own.map { sessions.session(of: $0, at: start + .seconds(30)) != nil }
    #expect(alive == Array(repeating: false, count: 5) + Array(repeating: true, count: 20))
    #expect(sessions.session(of: other, at: start + .seconds(30)) != nil)
  }

  @Test("is not needed for the page itself, which is the same for everybody") func page() async throws {
    try await Platform.with { platform in
      try await platform.test(as: Self.gateway) { caller in
        for uri in ["/dashboard/", "/dashboard/index.html"] {
          let page = try await caller.send(.get, uri)
          #expect(page.status == .ok && page.headers[.contentType] == "text/html; charset=utf-8")
          let tag = try #require(page.headers[.eTag])
          #expect(try await caller.send(.get, uri, headers: [.ifNoneMatch: tag]).status == .notModified)
        }
        _ = try problem(try await caller.send(.get, "/dashboard/none.js"), .notFound)
        _ = try problem(try await caller.send(.get, "/dashboard/..%2fopenapi.json"), .notFound)
      }
    }
  }

  private actor Kept {
    private(set) var cookie = ""
    func keep(_ cookie: String) { self.cookie = cookie }
  }
}
