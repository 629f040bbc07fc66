import FoundationEssentials

/// When a certificate or a token holds good, to the second, which is all that X.509 can say.
package struct Validity: Hashable, Sendable, CustomStringConvertible {
  /// When it was made; `notBefore` lies a little earlier, for clocks that run behind ours.
  package let issued: Date
  package let notBefore: Date
  /// Its last second.
  package let notAfter: Date

  /// - Parameter backdating: how far `notBefore` lies before `issued`.
  init(from issued: Date, backdating: TimeInterval, life: TimeInterval, longest: TimeInterval) {
    let issued = issued.wholeSeconds
    let notBefore = (issued - backdating).wholeSeconds
    self.init(
      issued: issued, notBefore: notBefore, notAfter: min(issued + life, notBefore + longest).wholeSeconds)
  }

  package init(issued: Date, notBefore: Date, notAfter: Date) {
    self.issued = issued
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// The same, ended no later than what it depends on.
  func ending(by end: Date) -> Validity {
    Validity(issued: issued, notBefore: notBefore, notAfter: min(notAfter, end))
  }

  package func contains(_ time: Date) -> Bool { notBefore <= time && time <= notAfter }

  package var description: String { "\(notBefore.ISO8601Format()) to \(notAfter.ISO8601Format())" }
}

extension Date {
  /// The second that the time lies in.
  var wholeSeconds: Date { Date(timeIntervalSince1970: timeIntervalSince1970.rounded(.down)) }
}

extension Duration {
  var seconds: TimeInterval { TimeInterval(components.seconds) + TimeInterval(components.attoseconds) / 1e18 }
}
