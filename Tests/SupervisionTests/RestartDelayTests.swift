import Testing

@testable import Supervision

@Suite("The delay before a restart") struct RestartDelayTests {
  @Test("doubles from a tenth of a second up to half a minute") func doubles() {
    var delay = RestartDelay()
    let row = (0..<11).map { _ in delay.afterEnd(lifetime: .zero) }
    #expect(row.prefix(4) == [.milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
    #expect(row.suffix(2) == [.seconds(30), .seconds(30)])
  }

  @Test("begins anew after ten seconds of health") func resets() {
    var delay = RestartDelay()
    for _ in 0..<5 { _ = delay.afterEnd(lifetime: .zero) }
    #expect(delay.afterEnd(lifetime: .seconds(10)) == .milliseconds(100))
    #expect(delay.afterEnd(lifetime: .seconds(9)) == .milliseconds(200))
  }
}
