/// What a run makes its Agents for, and how their names end: each once, so that no check takes another's for its own.
enum AgentRole: String, CaseIterable, Sendable {
  case attacker = "a"
  case victim = "b"
  case goner = "g"
  case killed = "k"
  case memory = "m"
  case owner = "o"
  case processes = "p"
  case quarantined = "q"
  case reader = "s"
  /// Never made, but as a dry run.
  case dry = "dry"
  /// Made, or asked for, by the control plane.
  case recorded, refused, tampering, values, before, during, after
  /// No Agent, but the binding of who asks the control plane.
  case caller
  case operatorBefore = "operator-before"
  case operatorDuring = "operator"
  case namesBefore = "name-server-before"
  case namesDuring = "name-server"
}
