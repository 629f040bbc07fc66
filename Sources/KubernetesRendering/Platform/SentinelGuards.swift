import Documents

// What the sentinel's rights and its namespace's Pod Security cannot say, the API server is told in CEL.
extension Platform {
  var sentinelGuards: [ValidatingAdmissionPolicy] {
    [
      sentinelPods, sentinelResponses,
      containmentAlone("sentinel-conditions", by: sentinelAccount, who: "a sentinel"),
    ]
  }

  private var sentinelAccount: ValidatingAdmissionPolicy.Expression {
    ValidatingAdmissionPolicy.Expression(
      name: "is-a-sentinel",
      expression: """
        request.userInfo.username == 'system:serviceaccount:\(namespaceNames.sentinel):\(Self.sentinelName)'
        """)
  }

  /// Its namespace has to let a directory of the node in, so that Pod Security says nothing there. All else is as
  /// everywhere in the platform: what Pod Security "restricted" asks for is asked for here, or more.
  private var sentinelPods: ValidatingAdmissionPolicy {
    let kinds = [
      "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
    ]
    .map { "has(v.\($0))" }.joined(separator: " || ")
    let isOwn = """
      object.spec.?volumes.orValue([]).all(v, \(kinds) \
      || has(v.hostPath) && v.hostPath.path == '\(Self.traceDirectory)')
      """
    let isApart = """
      !object.spec.?hostNetwork.orValue(false) && !object.spec.?hostPID.orValue(false) \
      && !object.spec.?hostIPC.orValue(false) && object.spec.?securityContext.?runAsNonRoot.orValue(false) \
      && object.spec.?securityContext.?runAsUser.orValue(1) != 0 \
      && object.spec.?securityContext.?seccompProfile.?type.orValue('') == 'RuntimeDefault' \
      && \(isUnmarked("object.spec")) && object.spec.?securityContext.?sysctls.orValue([]).size() == 0 \
      && object.metadata.?annotations.orValue({}).all(key, \
      !key.startsWith('container.apparmor.security.beta.kubernetes.io/'))
      """
    // A probe of another host, or a handler, would have the kubelet ask there.
    let asksItself = """
      [c.?livenessProbe, c.?readinessProbe, c.?startupProbe, c.?lifecycle.?postStart, c.?lifecycle.?preStop].all(action, \
      action.?httpGet.?host.orValue('') == '' && action.?tcpSocket.?host.orValue('') == '')
      """
    let isBound = """
      [object.spec.containers, object.spec.?initContainers.orValue([])].all(list, list.all(c, \
      !c.?securityContext.?allowPrivilegeEscalation.orValue(true) && !c.?securityContext.?privileged.orValue(false) \
      && c.?securityContext.?runAsNonRoot.orValue(true) && c.?securityContext.?runAsUser.orValue(1) != 0 \
      && c.?securityContext.?capabilities.?drop.orValue([]).exists(name, name == 'ALL') \
      && c.?securityContext.?capabilities.?add.orValue([]).size() == 0 \
      && c.?securityContext.?seccompProfile.?type.orValue('RuntimeDefault') == 'RuntimeDefault' \
      && c.?securityContext.?procMount.orValue('Default') == 'Default' && \(isUnmarked("c")) \
      && c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0) \
      && \(asksItself))) && !has(object.spec.ephemeralContainers)
      """
    return ValidatingAdmissionPolicy(
      metadata: Self.guardMeta("sentinel-pods"),
      spec: .init(
        matchConstraints: .init(resourceRules: [
          AdmissionRule(
            apiGroups: [""], resources: ["pods", "pods/ephemeralcontainers"], operations: ["CREATE", "UPDATE"],
            scope: "Namespaced")
        ]),
        matchConditions: [
          .init(name: "is-the-sentinels", expression: "request.namespace == '\(namespaceNames.sentinel)'")
        ],
        validations: [
          .init(
            expression: isOwn, message: "of its node the sentinel has \(Self.traceDirectory) and nothing else"),
          .init(
            expression: isApart, message: "Pods of the sentinel's namespace are apart from their node, and not root's"),
          .init(
            expression: isBound, message: "containers of the sentinel's namespace have no capability and can get none"),
        ]))
  }

  /// That nothing is said of what its node's kernel marks it with.
  private func isUnmarked(_ part: String) -> String {
    let context = "\(part).?securityContext"
    return """
      !\(context).?seLinuxOptions.hasValue() && !\(context).?windowsOptions.hasValue() \
      && \(context).?appArmorProfile.?type.orValue('RuntimeDefault') == 'RuntimeDefault'
      """
  }

  /// A node's sentinel answers for the agents of that node: its token says which it is.
  private var sentinelResponses: ValidatingAdmissionPolicy {
    let node = "request.userInfo.?extra[?'authentication.kubernetes.io/node-name'].orValue([])"
    return ValidatingAdmissionPolicy(
      metadata: Self.guardMeta("sentinel-responses"),
      spec: .init(
        matchConstraints: .init(resourceRules: [
          AdmissionRule(apiGroups: [""], resources: ["pods"], operations: ["UPDATE", "DELETE"], scope: "Namespaced")
        ]),
        matchConditions: [sentinelAccount],
        validations: [
          .init(
            expression: "oldObject.spec.?nodeName.orValue('-') in \(node)",
            message: "a sentinel changes and deletes Pods of its own node alone"),
          .init(
            expression: "oldObject.metadata.?labels[?'\(AgentLabel.agent)'].orValue('') == 'true'",
            message: "a sentinel changes and deletes agents' Pods alone"),
          .init(
            expression: """
              object == null || (object.spec == oldObject.spec \
              && object.metadata.labels.all(key, key == '\(quarantineLabel)' \
              || oldObject.metadata.labels[?key] == object.metadata.labels[?key]) \
              && oldObject.metadata.labels.all(key, key in object.metadata.labels) \
              && object.metadata.?annotations == oldObject.metadata.?annotations \
              && object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences \
              && object.metadata.?finalizers == oldObject.metadata.?finalizers)
              """,
            message: "a sentinel gives Pods the label \(quarantineLabel), and takes or changes nothing"),
        ]))
  }

  /// Of an Agent an account says what is done about it, and nothing else.
  ///
  /// - Parameter who: for the message.
  func containmentAlone(
    _ name: String, by account: ValidatingAdmissionPolicy.Expression, who: String
  ) -> ValidatingAdmissionPolicy {
    func others(_ object: String) -> String {
      "\(object).?status.?conditions.orValue([]).filter(c, c.type != '\(containedCondition)')"
    }
    return ValidatingAdmissionPolicy(
      metadata: Self.guardMeta(name),
      spec: .init(
        matchConstraints: .init(resourceRules: [
          AdmissionRule(
            apiGroups: [AgentDefinition.group], resources: ["agents/status"], operations: ["UPDATE"],
            scope: "Namespaced")
        ]),
        matchConditions: [account],
        validations: [
          .init(
            expression: """
              \(others("object")) == \(others("oldObject")) \
              && object.?status.?accepted == oldObject.?status.?accepted \
              && object.?status.?phase == oldObject.?status.?phase \
              && object.?status.?reason == oldObject.?status.?reason \
              && object.?status.?observedGeneration == oldObject.?status.?observedGeneration
              """,
            message: "\(who) says the condition \(containedCondition) of an Agent, and nothing else")
        ]))
  }
}
