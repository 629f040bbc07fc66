/// A condition that Falco's grammar refuses, in the words of its parser, which people search for.
package struct ConditionSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
  package let message: String
  package let position: TextPosition

  package var description: String {
    "\(message) (line \(position.line), column \(position.column))"
  }
}
