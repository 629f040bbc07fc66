import Blueprint
import Documents

// What the control plane's rights cannot say, the API server is told in CEL.
extension Platform {
  var controlPlaneGuards: [ValidatingAdmissionPolicy] {
    [
      controlPlanePrograms,
      containmentAlone("control-plane-conditions", by: isTheControlPlane, who: "the control plane"),
    ]
  }

  private var isTheControlPlane: ValidatingAdmissionPolicy.Expression {
    ValidatingAdmissionPolicy.Expression(
      name: "is-the-control-plane",
      expression: """
        request.userInfo.username == 'system:serviceaccount:\(namespaceNames.controlPlane):\(Self.controlPlaneName)'
        """)
  }

  /// Of a Pod admission is told the name alone: whose it is the control plane looks itself. No container of the platform
  /// has the name of an agent's.
  private var controlPlanePrograms: ValidatingAdmissionPolicy {
    ValidatingAdmissionPolicy(
      metadata: Self.guardMeta("control-plane-programs"),
      spec: .init(
        matchConstraints: .init(resourceRules: [
          AdmissionRule(apiGroups: [""], resources: ["pods/exec"], operations: ["CONNECT"], scope: "Namespaced")
        ]),
        matchConditions: [isTheControlPlane],
        validations: [
          .init(
            expression: """
              object.?container.orValue('') == '\(Blueprint.container)' && !object.?tty.orValue(false)
              """,
            message: "the control plane runs programs in the container '\(Blueprint.container)' of agents' Pods alone"),
          .init(
            expression: "namespaceObject.metadata.?labels[?'\(tenantLabel)'].hasValue()",
            message: "the control plane runs programs in namespaces with agents alone"),
        ]))
  }
}
