import AgentModel
import ArgumentParser

/// Names one secret, of a tenant or of one of its agents.
struct SecretArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The secret's name.", valueName: "name"), transform: parseText)
  var name: SecretName

  @Option(help: "Whose it is: every agent of this tenant may use it (default: 'default').", transform: parseText)
  var tenant: TenantName?

  @Option(help: "The only agent that may use it: NAME or TENANT/NAME (default: all of the tenant).")
  var agent: String?

  var reference: SecretReference {
    get throws {
      guard let agent else { return SecretReference(tenant: tenant ?? .default, agent: nil, name: name) }
      let id = try AgentArgument.id(agent, tenant: tenant)
      return SecretReference(tenant: id.tenant, agent: id.name, name: name)
    }
  }

  mutating func validate() throws { _ = try reference }
}
