@testable import KubernetesAPI

let configMaps = ResourceType(plural: "configmaps")

func configMap(_ name: String, version: Int = 1) -> String {
  #"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"\#(name)","namespace":"a","resourceVersion":"\#(version)"}}"#
}

func configMapList(_ names: [String], version: Int, next: String = "") -> APIServerStub.Answer {
  .json(
    #"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"\#(version)","continue":"\#(next)"},"#
      + #""items":[\#(names.map { configMap($0) }.joined(separator: ","))]}"#)
}
