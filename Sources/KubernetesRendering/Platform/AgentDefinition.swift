import AgentModel
import Documents

extension Platform {
  var agentDefinition: [ManifestFile] {
    [ManifestFile("operator/definition.yaml", [AgentDefinition.definition])]
  }
}

/// The Agent as a resource of the cluster. What it refuses, the API server refuses before anybody else sees it; what it
/// cannot say (names that overlap, the names of HTTP's own headers) the operator tells in the Agent's conditions.
enum AgentDefinition {
  static let group = "lobstack.dev"
  static let name = "agents.\(group)"

  static var definition: CustomResourceDefinition {
    CustomResourceDefinition(
      metadata: ObjectMeta(name: name, labels: Platform.labels("operator")),
      spec: CustomResourceDefinition.Spec(
        group: group,
        names: CustomResourceDefinition.Names(
          kind: "Agent", listKind: "AgentList", plural: "agents", singular: "agent", categories: ["all", "lobstack"]),
        versions: [
          CustomResourceDefinition.Version(
            name: "v1", schema: CustomResourceDefinition.Root(openAPIV3Schema: root),
            additionalPrinterColumns: [
              CustomResourceDefinition.Column(name: "Phase", type: "string", jsonPath: ".status.phase"),
              CustomResourceDefinition.Column(
                name: "Ready", type: "string", jsonPath: #".status.conditions[?(@.type=="Ready")].status"#),
              CustomResourceDefinition.Column(name: "Tier", type: "string", jsonPath: ".spec.tier"),
              CustomResourceDefinition.Column(name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp"),
              CustomResourceDefinition.Column(name: "Image", type: "string", jsonPath: ".spec.image", priority: 1),
              CustomResourceDefinition.Column(name: "Reason", type: "string", jsonPath: ".status.reason", priority: 1),
            ])
        ]))
  }

  private static var root: StructuralSchema {
    .object(
      [
        "apiVersion": StructuralSchema(type: "string"), "kind": StructuralSchema(type: "string"),
        "metadata": StructuralSchema(type: "object"), "spec": spec, "status": status,
      ], required: ["spec"], "An AI agent that runs behind the layers of Lobstack.",
      rules: [
        // Its Pod's host name, and the label of its Pod, are its name.
        StructuralSchema.Rule(
          rule: "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",
          message: "the name of an Agent is a DNS label: at most 63 of a-z, 0-9 and '-'"),
        StructuralSchema.Rule(
          rule: "self.metadata.name != 'default'",
          message: "'default' is the service account of every Pod that names none; call the Agent otherwise"),
      ])
  }

  private static let label = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

  private static var spec: StructuralSchema {
    .object(
      [
        "image": .text(
          "A registry's image: docker://registry.example.com/team/agent:1.4", pattern: "^docker://[a-zA-Z0-9][!-~]*$",
          longest: 1024),
        "tier": .text("Its size.", longest: 32, default: Tier.starter.rawValue, choices: Tier.allCases.map(\.rawValue)),
        "command": .list(
          of: .text(longest: 65536), "The program and its arguments; by default the image's.", least: 1, most: 1024),
        "env": .map(
          of: .text(longest: 131_072), "The environment. Secrets do not belong here.", most: 1024,
          rules: [
            StructuralSchema.Rule(
              rule: "self.all(name, name.matches('^[A-Za-z_][A-Za-z0-9_]*$'))",
              message: "names of variables are letters, digits and '_', and begin with no digit")
          ]),
        "workspace": .object(
          [
            "size": StructuralSchema(
              description: "16Mi to 1Ti.", default: .text("\(AgentSpec.Workspace.defaultSize)"),
              pattern: "^[0-9]+(Ki|Mi|Gi|Ti|k|M|G|T)?$", maxLength: 20, isIntOrString: true)
          ], "What the agent can write and that outlives its process."),
        "ports": .map(
          of: StructuralSchema(type: "integer", minimum: 1024, maximum: 65535),
          "Names and TCP ports that the agent listens on.", most: 64,
          rules: [
            StructuralSchema.Rule(
              rule: "self.all(name, name.matches('^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$'))",
              message: "a port's name is 1 to 15 of a-z, 0-9 and '-'"),
            StructuralSchema.Rule(
              rule: "self.all(name, name.matches('[a-z]') && !name.contains('--'))",
              message: "a port's name has a letter, and no two '-' together"),
            StructuralSchema.Rule(
              rule: "self.all(a, self.all(b, a == b || self[a] != self[b]))", message: "each port is named once"),
          ]),
        "restartPolicy": .text(
          longest: 16, default: AgentSpec.RestartPolicy.always.rawValue,
          choices: AgentSpec.RestartPolicy.allCases.map(\.rawValue)),
        "secrets": StructuralSchema(
          type: "array", description: "Secrets that it reads as files below /vault/secrets.",
          items: StructuralSchema.Box(.object(["name": .text(pattern: label, longest: 63)], required: ["name"])),
          maxItems: 64, listType: "map", listMapKeys: ["name"]),
        "egress": StructuralSchema(
          type: "array", description: "The hosts outside that it may reach, on port 443. By default none.",
          items: StructuralSchema.Box(allowance), maxItems: 64, listType: "map", listMapKeys: ["host"]),
        "response": .text(
          "What follows a critical alert about it.", longest: 16, default: AgentResponse.alert.rawValue,
          choices: AgentResponse.allCases.map(\.rawValue)),
      ], required: ["image"])
  }

  private static var allowance: StructuralSchema {
    .object(
      [
        "host": .text(
          "api.example.com, or *.example.com for what is below it.",
          pattern: #"^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.){1,15}[a-z]{2,63}$"#, longest: 253),
        "credential": .object(
          [
            "secret": .text("A secret of the agent or its tenant.", pattern: label, longest: 63),
            "header": .text(
              "The header of requests that carries it.", pattern: "^[A-Za-z0-9-]+$", longest: 64, shortest: 1),
            "prefix": .text("What stands before it: 'Bearer '.", pattern: "^[ -~]*$", longest: 64),
          ], required: ["secret", "header"], "Added by the agent's gateway; the agent never sees it."),
        "methods": .list(
          of: .text(longest: 16, choices: EgressAllowance.knownMethods), least: 1, most: 32),
        "paths": .list(
          of: .text(
            "/exact, or /prefix/* for all below it.", pattern: "^/[A-Za-z0-9/_.~:@!$&'()+,;=*-]*$", longest: 258),
          least: 1, most: 32),
        "expires": .text(
          "From then on the host is closed.",
          pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", longest: 20),
      ], required: ["host"],
      rules: [
        StructuralSchema.Rule(
          rule: "has(self.credential) || !(has(self.methods) || has(self.paths))",
          message: "methods and paths are seen only where the gateway adds a credential"),
        StructuralSchema.Rule(
          rule: "!has(self.credential) || !self.host.startsWith('*')",
          message: "a credential for a wildcard would go to hosts that nobody listed"),
      ])
  }

  private static var status: StructuralSchema {
    .object([
      "observedGeneration": StructuralSchema(type: "integer", format: "int64"),
      "phase": .text(longest: 32, choices: AgentPhase.allCases.map(\.rawValue)),
      "reason": .text("Why, and what to do.", longest: 4096),
      "accepted": .text("The document that was accepted last, and is in force.", longest: 262_144),
      "conditions": StructuralSchema(
        type: "array",
        items: StructuralSchema.Box(
          .object(
            [
              "type": .text(longest: 316), "status": .text(longest: 16, choices: ["True", "False", "Unknown"]),
              "observedGeneration": StructuralSchema(type: "integer", format: "int64"),
              "lastTransitionTime": StructuralSchema(type: "string", format: "date-time"),
              "reason": .text(longest: 1024), "message": .text(longest: 32768),
            ], required: ["type", "status", "lastTransitionTime", "reason", "message"])), maxItems: 16,
        listType: "map", listMapKeys: ["type"]),
    ])
  }
}
