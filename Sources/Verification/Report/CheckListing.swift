/// A check as `verify --list` tells of it.
package struct CheckListing: Sendable, Codable {
  package var id: String
  package var layer: String
  package var title: String
  package var criteria: [String]
  /// The runs that make it: `quick`, `full`, `break`.
  package var tiers: [String]

  package init(_ check: Check) {
    id = check.id
    layer = check.layer
    title = check.title
    criteria = check.criteria
    tiers = check.isBreak ? ["break"] : check.isLong ? ["full"] : ["quick", "full"]
  }
}
