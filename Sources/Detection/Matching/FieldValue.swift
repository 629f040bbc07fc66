/// The value of a field for one event: a number, or where in the event's `ValueArena` it stands.
package struct FieldValue: Hashable, Sendable {
  enum Kind: UInt8, Sendable {
    case absent
    /// `first` is a number, its bits as its type has them.
    case number
    /// `first` is an offset, `second` a length.
    case bytes
    /// Likewise; each element has a NUL behind it.
    case list
    /// `first` is an offset, `second` a count of numbers of eight bytes each.
    case numbers
    /// `second` is an IPv4 address.
    case addressV4
    case addressV6
  }

  let kind: Kind
  let first: UInt64
  let second: UInt64

  init(_ kind: Kind, _ first: UInt64 = 0, _ second: UInt64 = 0) {
    (self.kind, self.first, self.second) = (kind, first, second)
  }

  /// The event does not have it.
  package static let absent = FieldValue(.absent)

  package static func number(_ value: Int64) -> FieldValue { FieldValue(.number, UInt64(bitPattern: value)) }
  package static func number(_ value: UInt64) -> FieldValue { FieldValue(.number, value) }
  package static func number(_ value: Double) -> FieldValue { FieldValue(.number, value.bitPattern) }
  package static func bool(_ value: Bool) -> FieldValue { FieldValue(.number, value ? 1 : 0) }

  package static func address(_ address: IPAddress) -> FieldValue {
    FieldValue(address.isV6 ? .addressV6 : .addressV4, address.high, address.low)
  }

  package var isAbsent: Bool { kind == .absent }
}

/// Where fields of events come from.
///
/// What a source says of an event has to stay the same until the matcher is done with it.
package protocol FieldSource: AnyObject {
  var eventType: EventType { get }

  /// - Parameter field: an index into `CompiledRules.fields`.
  func value(of field: Int, in arena: ValueArena) -> FieldValue

  /// As long as it stays the same from event to event, so do the values of the fields that are steady.
  var epoch: FieldEpoch { get }

  /// Whether a field's value stays the same while the epoch does.
  func isSteady(_ field: FieldReference) -> Bool
}

/// A time in which what events say of one subject, the process that acts, does not change.
package struct FieldEpoch: Equatable {
  private let subject: UInt64
  private let revision: UInt64

  package init(subject: UInt64 = 0, revision: UInt64 = 0) {
    (self.subject, self.revision) = (subject, revision)
  }
}

/// A source of which each event stands for itself.
extension FieldSource {
  package var epoch: FieldEpoch { FieldEpoch() }
  package func isSteady(_ field: FieldReference) -> Bool { false }
}
