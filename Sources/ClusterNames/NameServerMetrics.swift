import Instruments
import NameResolution
import NameServing
import Synchronization

/// What the name server was asked, and what it knows.
final class NameServerMetrics: Sendable {
  private let queries = Counter(
    "lobstack_name_server_queries_total", "Queries of agents, by how they ended.", by: "outcome")
  private let denials = Counter(
    "lobstack_name_server_denials_total", "Queries that were refused, by the rule.", by: "rule")
  private let limited = Counter(
    "lobstack_name_server_limited_total", "Queries that were not answered because their agent asked too fast.")
  private let closed = Counter(
    "lobstack_name_server_connections_closed_total", "Connections closed for being too many, too slow or malformed.")
  private let unsent = Counter("lobstack_name_server_unsent_total", "Answers that the kernel did not take.")
  private let unlogged = Counter(
    "lobstack_name_server_denials_unlogged_total", "Refused queries of which the log does not tell one by one.")

  init() {
    for outcome in QueryOutcome.allCases { queries.add(0, outcome.rawValue) }
  }

  func count(_ contents: ResolverServer.Contents) {
    for (outcome, count) in contents.outcomes {
      queries.add(count, outcome.rawValue)
      // All of them, also those of which the log does not tell.
      if ![.answered, .empty, .notReady].contains(outcome) { denials.add(count, "dns-\(outcome.rawValue)") }
    }
    limited.add(contents.limited)
    closed.add(contents.closed)
    unsent.add(contents.unsent)
  }

  func countUnlogged(_ count: Int) { unlogged.add(count) }

  func exposition(_ directory: NameDirectory, _ lists: KnownLists) -> Exposition {
    var exposition = Exposition()
    for counter in [queries, denials, limited, closed, unsent, unlogged] { exposition.add(counter) }
    let known = directory.counts
    for (name, help, value) in [
      ("agents", "Agents that are known.", known.agents),
      ("gateways", "Agents whose gateway has an address.", known.gateways),
      ("addresses", "Addresses from which agents ask.", known.addresses),
      ("stale_lists", "Lists of the cluster's objects that may be out of date.", lists.staleCount),
    ] {
      exposition.add(MetricFamily(.gauge, "lobstack_name_server_\(name)", help), Double(value))
    }
    exposition.add(
      MetricFamily(.gauge, "lobstack_name_server_ready", "1 once all lists were there."), lists.areThere ? 1 : 0)
    return exposition
  }
}
