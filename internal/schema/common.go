package schema

// CommonField is what a CIM field name stands for in the first data model that has it, whatever a search reads: what a
// table's column of that name is about. nil when no data model has it.
func (s *Schema) CommonField(name string) *Field {
	for _, src := range s.sources {
		if !src.DataModel {
			continue
		}
		if f := src.SharedField(name, Hint{}); f.Support != None && f.Name != "" {
			return f
		}
	}
	return nil
}
