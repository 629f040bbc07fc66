import APIModel
import AgentModel
import FoundationEssentials

/// A place among denials, newest first: those of a millisecond, and how many of that one were told. A number, as the cursor
/// of one machine is.
struct DenialPlace: Hashable, Sendable {
  private static let most: Int64 = 100_000

  var milliseconds: Int64
  var told: Int

  init(milliseconds: Int64, told: Int) {
    self.milliseconds = milliseconds
    self.told = told
  }

  init(_ cursor: Int64) { self.init(milliseconds: cursor / Self.most, told: Int(cursor % Self.most)) }

  var cursor: Int64 { milliseconds * Self.most + min(Int64(told), Self.most - 1) }
}

/// Which denials a page may have, for as long as it is not known which it has: of others no memory is taken.
struct DenialWindow: Sendable {
  /// `nil` from the newest on.
  var place: DenialPlace?
  /// Of the newest, so many.
  var most = Int.max
  /// Whose; `nil` for all, and for what is nobody's.
  var tenants: Set<TenantName>?

  static let everything = DenialWindow()

  private init() {}

  init(after place: DenialPlace?, limit: Int, tenants: Set<TenantName>?) {
    self.place = place
    // One more tells whether there is a next page, and those that were told stand before.
    most = limit + 1 + (place?.told ?? 0)
    self.tenants = tenants
  }

  func has(_ denial: DenialResource) -> Bool {
    if let place, denial.milliseconds > place.milliseconds { return false }
    guard let tenants else { return true }
    guard let tenant = denial.agent?.tenant else { return denial.rule == DenialResource.unreadRule }
    return tenants.contains(tenant)
  }

  /// - Returns: where in a list those are that it is to keep, in the list's order; `nil` before it is long enough to look.
  func kept(of denials: [DenialResource]) -> [Int]? {
    guard denials.count / 2 > most else { return nil }
    return denials.enumerated().map { ($0.offset, $0.element.milliseconds, $0.element.order) }
      .sorted { ($1.1, $0.2) < ($0.1, $1.2) }.prefix(most).map(\.0).sorted()
  }
}

extension Page<DenialResource> {
  /// The newest behind a place. What comes meanwhile is newer, so that it moves none of them.
  init(of denials: [DenialResource], after place: DenialPlace?, limit: Int) {
    let found = Self.newest(denials, after: place, limit: limit + 1)
    let page = Array(found.prefix(limit))
    var next: DenialPlace?
    if found.count > limit, let last = page.last?.milliseconds {
      let told = page.count { $0.milliseconds == last } + (place?.milliseconds == last ? place?.told ?? 0 : 0)
      next = DenialPlace(milliseconds: last, told: told)
    }
    self.init(items: page, next: next.map { "\($0.cursor)" })
  }

  /// In one order, whoever is asked.
  private static func newest(_ denials: [DenialResource], after place: DenialPlace?, limit: Int) -> [DenialResource] {
    var sorted = denials.filter { place == nil || $0.milliseconds <= place?.milliseconds ?? 0 }
      .map { ($0, $0.milliseconds, $0.order) }.sorted { ($1.1, $0.2) < ($0.1, $1.2) }.map(\.0)
    if let place { sorted.removeFirst(min(place.told, sorted.prefix { $0.milliseconds == place.milliseconds }.count)) }
    return Array(sorted.prefix(limit))
  }
}

extension DenialResource {
  /// Since 1970.
  var milliseconds: Int64 { Int64((time.timeIntervalSince1970 * 1_000).rounded()) }

  fileprivate var order: String {
    [agent?.description, rule, source, destination, host, method, path, details].map { $0 ?? "" }
      .joined(separator: "\n")
  }
}
