import AgentModel
import ChildProcess
import ClusterAgents
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import SecretStore
import TestSupport
import Testing

@testable import Operator

/// Against a real API server and a real OpenBao: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite("Agents' identities", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(3)))
struct IdentityTests {
  /// The entities of agents; whoever else logs in has one, too.
  private static func agents(_ vault: VaultWorld) async throws -> [String] {
    try await Entities(vault.asControlPlane).names().filter { $0.hasPrefix("lobstack-agent-") }
  }

  @Test("are made before anything of an agent runs, read its own secrets alone, and are gone with it")
  func life() async throws {
    try await OperatorWorld.with { world in
      try await world.serve(.secretClasses)
      let cluster = try await SecretsCluster(world)
      try await cluster.run { vault, manager in
        try await world.operated(secretsManager: manager) { _ in
          let secrets = ["lobstack/agent/default.bot/own", "lobstack/agent/default.other/own"]
          for path in secrets {
            _ = try await KeyValue(vault.asControlPlane).write(path, SecretValue("secret".utf8))
          }
          try await world.apply(world.agent("bot", ["secrets": [["name": "own"]]]))
          try await world.apply(world.agent("plain"))
          try await eventually("both are made") {
            let (bot, plain) = (try await world.pod("bot"), try await world.pod("plain"))
            return bot != nil && plain != nil
          }
          // The status comes after the Pod.
          try await eventually("its identity is told") {
            try await world.condition(.identified, of: "bot")?["status"]?.string == "True"
          }
          #expect(try await world.condition(.identified, of: "plain") == nil)
          let names = try await Self.agents(vault)
          #expect(names == ["lobstack-agent-default.bot"])

          let bot = try await cluster.logIn("bot", vault)
          #expect(try await bot.status(of: VaultProbe(.read, "secret/data/\(secrets[0])")) == 200)
          #expect(try await bot.status(of: VaultProbe(.read, "secret/data/\(secrets[1])")) == 403)
          // Nobody made 'plain' known: its account may log in, and is refused everything.
          let plain = try await cluster.logIn("plain", vault)
          #expect(try await plain.status(of: VaultProbe(.read, "secret/data/\(secrets[0])")) == 403)

          // Another account of that name is another: the identity goes over to it.
          let account = ResourceType(plural: "serviceaccounts")
          try await world.client.delete(account, "bot", namespace: OperatorWorld.namespace)
          try await eventually("the account that came is known, and the one that went is not") {
            let again = try? await cluster.logIn("bot", vault)
            guard let again else { return false }
            let now = try await again.status(of: VaultProbe(.read, "secret/data/\(secrets[0])"))
            return now == 200
          }
          #expect(try await bot.status(of: VaultProbe(.read, "secret/data/\(secrets[0])")) == 403)

          let last = try await cluster.logIn("bot", vault)
          try await world.client.delete(AgentObject.type, "bot", namespace: OperatorWorld.namespace)
          try await eventually("the agent is gone") {
            try await world.releaseDeleted()
            let all = try await world.client.list(AgentObject.type, namespace: OperatorWorld.namespace)
            return all.objects.map(\.name) == ["plain"]
          }
          #expect(try await Self.agents(vault).isEmpty)
          #expect(try await last.status(of: VaultProbe(.read, "secret/data/\(secrets[0])")) == 403)
          // What only it could read is destroyed, and nothing else.
          let left = try await KeyValue(vault.asControlPlane).list("lobstack/agent")
          #expect(left == ["default.other/"])
        }
      }
    }
  }

  @Test("that cannot be made keep an agent from running, and a deleted one from being let go of") func away()
    async throws
  {
    try await OperatorWorld.with { world in
      try await world.serve(.secretClasses)
      let missing = "\(world.server.directory)/no-such-token"
      let manager = SecretsManager(urls: "https://127.0.0.1:9", authority: nil, accountToken: missing)
      try await world.operated(secretsManager: manager) { _ in
        try await world.apply(
          world.agent(
            "bot",
            ["egress": [["host": "a.example.com", "credential": ["secret": "key", "header": "x-api-key"]]]]))
        try await world.apply(world.agent("plain"))
        try await eventually("one is made, and the other is told why it is not") {
          let plain = try await world.pod("plain")
          let condition = try await world.condition(.identified, of: "bot")
          return plain != nil && condition?["reason"]?.string == "SecretsManagerUnavailable"
        }
        let message = try await world.condition(.identified, of: "bot")?["message"]?.string ?? ""
        #expect(message.contains(missing), "\(message)")
        #expect(try await world.pod("bot") == nil)
        let gateways = try await world.client.list(OwnedType.deployments.resource, namespace: OperatorWorld.namespace)
        #expect(gateways.objects.map(\.name) == ["plain-gateway"])
        // What closes the network is there all the same.
        #expect(try await world.made().isSuperset(of: ["NetworkPolicy/bot-agent", "NetworkPolicy/bot-gateway"]))

        try await world.client.delete(AgentObject.type, "bot", namespace: OperatorWorld.namespace)
        try await eventually("all but the Agent is gone") {
          try await world.releaseDeleted()
          return try await world.made().allSatisfy { !$0.contains("bot") }
        }
        let bot = try await world.client.get(AgentObject.type, "bot", namespace: OperatorWorld.namespace)
        #expect(bot.isBeingDeleted && bot.finalizers.contains(AgentObject.identityFinalizer))
      }
    }
  }
}
