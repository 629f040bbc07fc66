import AgentModel
import FoundationEssentials
import HCL

/// How what is there differs from what is wished: the names of the fields that do, with their values.
///
/// A server tells more than was asked of it, durations in seconds, and lists in another order; none of that is a
/// difference.
func differences(wished: HCLObject, found: HCLObject, below prefix: String = "") -> [String] {
  wished.entries.flatMap { key, wish -> [String] in
    let name = prefix + key
    guard let value = found[key] else { return ["\(name) is not set"] }
    if case .object(let wish) = wish, case .object(let value) = value {
      return differences(wished: wish, found: value, below: "\(name).")
    }
    return isSame(wish, value) ? [] : ["\(name) is \(shown(value)), not \(shown(wish))"]
  }
}

private func isSame(_ wish: HCLValue, _ found: HCLValue) -> Bool {
  if wish == found { return true }
  switch (wish, found) {
  case (.string(let wish), .int(let found)): return seconds(wish) == found
  case (.string(let wish), .string(let found)):
    if let wished = seconds(wish) { return wished == seconds(found) }
    return wish.trimmingWhitespace == found.trimmingWhitespace
  case (.int(let wish), .string(let found)): return seconds(found) == wish
  case (.list(let wish), .list(let found)):
    return wish.count == found.count && wish.allSatisfy { one in found.contains { isSame(one, $0) } }
  case (_, .list(let found)): return found.count == 1 && isSame(wish, found[0])
  default: return false
  }
}

/// A duration as Vault's API takes it: `2160h`, `1h30m`, `90s`, or a number of seconds.
func seconds(_ text: String) -> Int? {
  if let plain = Int(text) { return plain }
  var (total, span) = (0, "")
  for character in text {
    span.append(character)
    guard !character.isNumber else { continue }
    guard let seconds = TimeSpan.seconds(span),
      case let (sum, overflow) = total.addingReportingOverflow(seconds), !overflow
    else { return nil }
    (total, span) = (sum, "")
  }
  return span.isEmpty && !text.isEmpty ? total : nil
}

/// Short: a policy's text is a page.
private func shown(_ value: HCLValue) -> String {
  let text = HCLText.value(value)
  return text.count > 60 ? "another text" : text
}

extension String {
  fileprivate var trimmingWhitespace: Substring {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
