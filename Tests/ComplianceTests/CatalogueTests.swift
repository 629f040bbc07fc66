import Testing

@testable import Compliance

@Suite("The catalogue of controls") struct CatalogueTests {
  @Test("names each criterion and each control once") func unique() {
    #expect(Set(Criterion.all.map(\.id)).count == Criterion.all.count)
    #expect(Set(Control.all.map(\.id)).count == Control.all.count)
  }

  @Test("has the criteria that are asked for") func criteria() {
    let asked = [
      "CC6.1", "CC6.2", "CC6.3", "CC6.6", "CC6.7", "CC6.8", "CC7.1", "CC7.2", "CC7.3", "CC7.4", "CC7.5", "CC8.1",
      "A1.2", "C1.1", "C1.2",
    ]
    #expect(Set(asked).subtracting(Criterion.all.map(\.id)).isEmpty)
  }

  @Test("has a control for every criterion, and says what no software shows for it") func covered() {
    for criterion in Criterion.all {
      #expect(Control.all.contains { $0.criteria.contains(criterion.id) }, "\(criterion.id)")
      #expect(!criterion.limits.isEmpty, "\(criterion.id)")
    }
  }

  @Test("gives every control criteria that there are") func serving() {
    let known = Set(Criterion.all.map(\.id))
    for control in Control.all {
      #expect(!control.criteria.isEmpty, "\(control.id)")
      #expect(Set(control.criteria).isSubset(of: known), "\(control.id)")
      #expect(Set(control.criteria).count == control.criteria.count, "\(control.id)")
    }
    #expect(Control.criteria(of: "ISO-1") == ["CC6.1"])
    #expect(Control.criteria(of: "none") == [])
  }

  @Test("uses identifiers of other catalogues that are written down with their names, and no others") func tags() {
    let used = Set(Control.all.flatMap(\.tags))
    for tag in used {
      switch tag.catalogue {
      case .cis: #expect(tag.id.wholeMatch(of: /[1-5]\.[0-9]+\.[0-9]+/) != nil, "\(tag)")
      case .owasp: #expect(tag.id.wholeMatch(of: /ASI(0[1-9]|10)|T([1-9]|1[0-5])/) != nil, "\(tag)")
      case .nsa: #expect(Tag.sections.contains(tag.id), "\(tag)")
      }
      if tag.catalogue != .nsa { #expect(Tag.names[tag.description] != nil, "\(tag)") }
    }
    #expect(Set(used.filter { $0.catalogue != .nsa }.map(\.description)) == Set(Tag.names.keys))
    #expect(Set(used.filter { $0.catalogue == .nsa }.map(\.id)) == Tag.sections)
  }
}
