import AgentModel
import Foundation

/// A connection or request that the node proxy refused, as one line of its log tells.
///
/// The proxy chose the line's shape, the agent much of what stands in it.
package struct ProxyDenial: Hashable, Sendable {
  /// Whose it was, in a form that the sender cannot choose.
  package enum Source: Hashable, Sendable {
    /// The address that an agent's connection came from.
    case agent(IPv4Address)
    /// The agent that the proxy is for and that alone reaches it, as a cluster's gateway calls it: a DNS label.
    case service(String)
    /// The identity in the certificate of whoever wanted to reach an agent; empty without one.
    case peer(String)
  }

  /// Nanoseconds since 1970.
  package var time: Int64
  package var source: Source
  /// `tls`, `http`, `ingress`: which listener refused it.
  package var kind: String
  /// Server name of TLS, or the request's authority; like all below printable, short, and `nil` when empty.
  package var host: String?
  package var method: String?
  package var path: String?
  /// Envoy's response flags: `NR`, `UAEX`, ….
  package var flags: String?
  /// Envoy's details: `route_not_found`, `rbac_access_denied_matched_policy[…]`, ….
  package var details: String?
  /// HTTP status; `nil` where there was no request.
  package var code: Int?

  /// Longest line that is read, in bytes: far more than the proxy's bounds on each field let it write.
  package static let longestLine = 32 << 10
  /// Seconds since 1970 that a log can be of: the years 2000 to 2199. Others are no times that anything was refused at,
  /// and not every number of nanoseconds or milliseconds has room where those are reckoned with.
  package static let times = 946_684_800.0..<7_258_118_400.0
  private static let longestHost = 260
  private static let longestPath = 256
  private static let longestWord = 128

  /// - Returns: `nil` for whatever is not a line as the proxy is configured to write: one JSON object with `time`,
  ///   `kind`, and one of `agent` and `peer`, perhaps with `host`, `method`, `path`, `flags`, `details`, `code`, each
  ///   of which may be null, and with nothing else.
  package init?(line: some Collection<UInt8>) {
    // Bytes that are no text in a host's name must not hide whose line it is.
    guard line.count <= Self.longestLine,
      let read = try? JSONDecoder().decode(Line.self, from: Data(String(decoding: line, as: UTF8.self).utf8)),
      let source = read.source, isDNSLabel(read.kind, longest: 32), let time = try? Self.format.parse(read.time),
      Self.times.contains(time.timeIntervalSince1970)
    else { return nil }
    self.time = Int64((time.timeIntervalSince1970 * 1e6).rounded()) * 1_000
    self.source = source
    kind = read.kind
    host = printable(read.host?.lowercased(), longest: Self.longestHost)
    method = printable(read.method, longest: Self.longestWord)
    path = printable(read.path, longest: Self.longestPath)
    flags = printable(read.flags, longest: Self.longestWord)
    details = printable(read.details, longest: Self.longestPath)
    code = read.code == 0 ? nil : read.code
  }

  /// `2026-01-31T23:59:59.123Z`.
  private static let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}

/// The JSON of a line.
private struct Line: Decodable {
  var time: String
  var kind: String
  var source: ProxyDenial.Source?
  var host: String?
  var method: String?
  var path: String?
  var flags: String?
  var details: String?
  var code: Int?

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case time, kind, agent, peer, host, method, path, flags, details, code
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
    guard Set(keys).isSubset(of: CodingKeys.allCases.map(\.stringValue)) else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "the fields are others"))
    }
    let container = try decoder.container(keyedBy: CodingKeys.self)
    time = try container.decode(String.self, forKey: .time)
    kind = try container.decode(String.self, forKey: .kind)
    switch (container.contains(.agent), container.contains(.peer)) {
    case (true, false):
      let agent = try container.decode(String.self, forKey: .agent)
      source = IPv4Address(agent).map { .agent($0) } ?? (isDNSLabel(agent) ? .service(agent) : nil)
    case (false, true):
      let peer = try container.decodeIfPresent(String.self, forKey: .peer)
      source = .peer(printable(peer, longest: 256) ?? "")
    default: source = nil
    }
    host = try container.decodeIfPresent(String.self, forKey: .host)
    method = try container.decodeIfPresent(String.self, forKey: .method)
    path = try container.decodeIfPresent(String.self, forKey: .path)
    flags = try container.decodeIfPresent(String.self, forKey: .flags)
    details = try container.decodeIfPresent(String.self, forKey: .details)
    code = try container.decodeIfPresent(Int.self, forKey: .code)
  }
}

/// The text in printable ASCII, other bytes as `%` and two digits (a terminal or page that shows it obeys nothing in
/// it), cut to a length; `nil` for no text, and for `-`, by which Envoy says the same.
private func printable(_ text: String?, longest: Int) -> String? {
  guard let text, !text.isEmpty, text != "-" else { return nil }
  var bytes: [UInt8] = []
  for byte in text.utf8 {
    if (0x21...0x7e).contains(byte) {
      bytes.append(byte)
    } else {
      bytes.append(UInt8(ascii: "%"))
      bytes += [byte >> 4, byte & 0xf].map { $0 < 10 ? UInt8(ascii: "0") + $0 : UInt8(ascii: "A") + $0 - 10 }
    }
    if bytes.count > longest { return String(decoding: bytes.prefix(longest), as: UTF8.self) + "…" }
  }
  return String(decoding: bytes, as: UTF8.self)
}

extension DeniedAttempt.Key {
  package init(_ denial: ProxyDenial) {
    let source =
      switch denial.source {
      case .agent(let address): address.description
      case .service(let name): name
      case .peer(let identity): identity
      }
    self.init(
      rule: "proxy-\(denial.kind)", source: source, host: denial.host ?? "", method: denial.method,
      path: denial.path, details: denial.details ?? denial.flags)
  }
}
