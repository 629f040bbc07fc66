/// A place in a policy, counted from 1.
package struct Location: Hashable, Sendable, CustomStringConvertible {
  package var file: String
  package var line: Int
  package var column: Int

  package var description: String { "\(file):\(line):\(column)" }
}

/// Why a policy cannot be used.
package struct RegoError: Error, Hashable, Sendable, CustomStringConvertible {
  package var message: String
  package var location: Location

  init(_ message: String, _ location: Location) { (self.message, self.location) = (message, location) }

  package var description: String { "\(location): \(message)" }
}

/// A file of Rego as written.
struct Module: Sendable {
  var file: String
  /// Without `data`.
  var package: [String]
  var imports: [Import] = []
  var rules: [Rule] = []

  struct Import: Sendable {
    /// From `data` or `input` on.
    var path: [String]
    var alias: String
    var location: Location
  }
}

struct Rule: Sendable {
  enum Kind: Sendable {
    /// `name := value`, and functions.
    case complete
    /// `name contains key`, in the older form `name[key]`.
    case set
    /// `name[key] := value`
    case object
  }

  var name: String
  var kind = Kind.complete
  var isDefault = false
  /// `nil` for what is no function.
  var arguments: [Term]?
  var key: Term?
  /// `nil` stands for `true`.
  var value: Term?
  var body: [Statement]
  /// What follows `else`, without heads of their own.
  var alternatives: [Alternative] = []
  var location: Location

  struct Alternative: Sendable {
    var value: Term?
    var body: [Statement]
    var location: Location
  }
}

/// One expression of a body.
struct Statement: Sendable {
  indirect enum Content: Sendable {
    case term(Term)
    case unify(Term, Term)
    case assign(Term, Term)
    case not(Statement)
    case some([String])
    case someIn(key: Term?, value: Term, collection: Term)
    case every(key: String?, value: String, collection: Term, body: [Statement])
  }

  var content: Content
  var changes: [Change] = []
  var location: Location

  /// `with target as value`
  struct Change: Sendable {
    var target: [String]
    var value: Term
    var location: Location
  }
}

struct Term: Sendable {
  indirect enum Content: Sendable {
    case constant(Value)
    case variable(String)
    /// A term, and what is looked up in it.
    case reference(Term, [Term])
    case array([Term])
    case object([(key: Term, value: Term)])
    case set([Term])
    case arrayComprehension(Term, [Statement])
    case setComprehension(Term, [Statement])
    case objectComprehension(key: Term, value: Term, [Statement])
    /// By its dotted name.
    case call(String, [Term])
  }

  var content: Content
  var location: Location

  init(_ content: Content, _ location: Location) { (self.content, self.location) = (content, location) }
}
