import Faults
import Manifests

/// A person's decision to live with a check that is not proven, until the end of a day.
package struct Waiver: Sendable, Hashable, Codable {
  package var check: String
  /// Who decided, and answers for it.
  package var owner: String
  package var reason: String
  /// The last day on which it holds, `YYYY-MM-DD`, UTC.
  package var expires: String

  /// - Throws: `Fault(.invalid)` when a part is empty or the day is none.
  package init(check: String, owner: String, reason: String, expires: String) throws {
    self.check = check.uppercased()
    (self.owner, self.reason, self.expires) = (owner, reason, expires)
    for (name, value) in [("check", check), ("owner", owner), ("reason", reason)] where value.allSatisfy(\.isWhitespace)
    {
      throw Self.fault("its \(name) is empty", remedy: "say which check, who decided, and why")
    }
    guard Self.isDay(expires) else {
      throw Self.fault("'\(expires)' is no day", remedy: "give the last day on which it holds as YYYY-MM-DD")
    }
  }

  /// ISO 8601 days compare as text.
  func holds(on day: String) -> Bool { day <= expires }

  /// The waivers of a file: YAML with a list below `waivers`, each with `check`, `owner`, `reason` and `expires`.
  ///
  /// - Throws: `Fault(.invalid)` with the place of what is wrong.
  package static func all(in text: String, source: String) throws -> [Waiver] {
    var waivers: [Waiver] = []
    for document in try Manifest.parse(text, source: source) {
      var fields = try Fields(document)
      for entry in try fields.require("waivers").list() {
        var parts = try Fields(entry)
        let (check, owner) = (try parts.require("check").string(), try parts.require("owner").string())
        let (reason, expires) = (try parts.require("reason").string(), try parts.require("expires").string())
        try parts.finish()
        do { waivers.append(try Waiver(check: check, owner: owner, reason: reason, expires: expires)) } catch let fault
          as Fault
        {
          throw entry.fault(fault.reason, remedy: fault.remedy)
        }
      }
      try fields.finish()
    }
    return waivers
  }

  private static func isDay(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.count) == [4, 2, 2], text.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }),
      let month = Int(parts[1]), let day = Int(parts[2])
    else { return false }
    return (1...12).contains(month) && (1...31).contains(day)
  }

  private static func fault(_ reason: String, remedy: String) -> Fault {
    Fault(.invalid, operation: "waive a check", reason: reason, remedy: remedy)
  }
}

/// What became of a waiver in a run. All are told: one that nobody sees is never taken back.
package struct WaiverReport: Sendable, Hashable, Codable {
  package enum State: String, Sendable, Codable {
    /// The check was not proven, and it is accepted.
    case applied
    /// The check is proven without it.
    case unneeded
    /// Its last day is over.
    case expired
    /// The check was not run.
    case unused
  }

  package var waiver: Waiver
  package var state: State

  package init(waiver: Waiver, state: State) { (self.waiver, self.state) = (waiver, state) }
}
