import AgentModel
import ArgumentParser

/// Names one agent: `name`, `tenant/name`, or `name` with `--tenant`.
struct AgentArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The agent: NAME or TENANT/NAME.", valueName: "agent"))
  var agent: String

  @Option(help: "The agent's tenant (default: 'default').", transform: parseText)
  var tenant: TenantName?

  var id: AgentID {
    get throws { try Self.id(agent, tenant: tenant) }
  }

  static func id(_ text: String, tenant: TenantName?) throws -> AgentID {
    guard text.contains("/") else {
      return AgentID(tenant: tenant ?? .default, name: try parseText(text))
    }
    let id: AgentID = try parseText(text)
    if let tenant, tenant != id.tenant {
      throw ValidationError("'\(text)' names tenant '\(id.tenant)', but --tenant says '\(tenant)'")
    }
    return id
  }

  mutating func validate() throws { _ = try id }
}
