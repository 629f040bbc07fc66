import AgentModel

struct TestError: Error { var text: String }

func parsed<Value: ParsedText>(_ text: String) throws -> Value {
  guard let value = Value(text) else { throw TestError(text: text) }
  return value
}
