import APIModel
import AgentModel
import ArgumentParser

/// Which audit records are wanted.
struct AuditFilterOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Only records from this time on: RFC 3339, or an age as 12h.", valueName: "time"))
  var since: MomentOption?

  @Option(help: ArgumentHelp("Only records before this time.", valueName: "time"))
  var until: MomentOption?

  @Option(
    help: ArgumentHelp("Only what was done to this agent or by it, TENANT/NAME.", valueName: "agent"),
    transform: parseText)
  var agent: AgentID?

  @Option(help: "Only records of this actor, as 'root@unix' or 'token:ci'.")
  var actor: String?

  @Option(
    help: "Only records of this action, as 'agent.create', or of all of a kind, as 'secret.*'.", transform: parseText)
  var action: AuditActionPattern?

  @Option(help: "Only records with this target, as 'agent acme/bot' or 'secret acme/*/key'.")
  var target: String?

  @Option(help: "Only records with this outcome, as 'denied'.")
  var outcome: String?

  var query: AuditQuery {
    AuditQuery(
      agent: agent, actor: actor, action: action, target: target, outcome: outcome, since: since?.date,
      until: until?.date)
  }
}
