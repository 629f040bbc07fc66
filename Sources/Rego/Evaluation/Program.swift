/// Policies ready to be evaluated, by any number of threads.
package final class Program: Sendable {
  /// A file of Rego.
  package struct Source: Sendable {
    package var file: String
    package var text: String
    /// Whether it is Rego as of version 1; older files may import it.
    package var isVersion1: Bool

    package init(file: String, text: String, isVersion1: Bool = false) {
      (self.file, self.text, self.isVersion1) = (file, text, isVersion1)
    }
  }

  let rules: [CompiledRule]
  private let places: [String: Int]
  /// The package of the first file.
  package let package: [String]

  /// - Parameters:
  ///   - sources: the first is the one that is asked; others are libraries of it.
  ///   - bases: paths below `data` that have documents from outside.
  /// - Throws: `RegoError` for what is no Rego, is not supported, or cannot be evaluated.
  package init(_ sources: [Source], bases: [[String]] = [["inventory"]]) throws(RegoError) {
    var modules: [Module] = []
    for source in sources {
      modules.append(try Parser.parse(source.text, file: source.file, version1: source.isVersion1))
    }
    var compiler = Compiler(bases: bases)
    try compiler.compile(modules)
    rules = compiler.rules
    package = modules.first?.package ?? []
    var places: [String: Int] = [:]
    for rule in modules.first?.rules ?? [] { places[rule.name] = compiler.place(of: rule.name, in: package) }
    self.places = places
  }

  /// What a rule of the first file says.
  ///
  /// - Parameters:
  ///   - data: documents from outside, below `data`.
  ///   - limits: of steps, and the time that it is.
  /// - Returns: `nil` when it is undefined.
  /// - Throws: `EvaluationError`.
  package func evaluate(
    _ rule: String, input: Value?, data: Value = .object(ObjectValue()), limits: EvaluationLimits
  ) throws(EvaluationError) -> Value? {
    guard let place = places[rule] else { return nil }
    let evaluation = Evaluation(self, input: input, data: data, limits: limits)
    do { return try evaluation.value(ofRule: place) } catch let error as EvaluationError {
      throw error
    } catch is BudgetExceeded {
      throw .tooLong
    } catch {
      throw .conflict("\(error)", rules[place].location)
    }
  }
}

package struct EvaluationLimits: Sendable {
  /// Steps of one evaluation: statements, elements that are looked at, and what built-in functions take.
  package var steps: Int
  /// Nanoseconds since 1970.
  package var now: Int

  package init(steps: Int = 5_000_000, now: Int = 0) { (self.steps, self.now) = (steps, now) }
}

package enum EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// It took more steps than it may.
  case tooLong
  /// A rule said two things at once.
  case conflict(String, Location)

  package var description: String {
    switch self {
    case .tooLong: "the evaluation takes too long"
    case .conflict(let message, let location): "\(location): \(message)"
    }
  }
}
