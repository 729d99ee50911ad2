package translate

import "sort"

// FunctionInfo describes one eval function for the documentation.
type FunctionInfo struct {
	Name string
	// Form is what it becomes in ES|QL, or why it does not.
	Form string
	// Supported is false for functions that always are a hole.
	Supported bool
}

// Functions lists the eval functions, sorted by name, for the documentation.
func Functions() []FunctionInfo {
	var out []FunctionInfo
	for _, n := range sortedKeys(functions) {
		out = append(out, FunctionInfo{Name: n, Form: functions[n].doc, Supported: true})
	}
	for _, n := range sortedKeys(conditions) {
		out = append(out, FunctionInfo{Name: n, Form: conditions[n].doc, Supported: true})
	}
	for _, n := range sortedKeys(functionHoles) {
		if _, ok := functions[n]; ok {
			continue
		}
		out = append(out, FunctionInfo{Name: n, Form: functionHoles[n]})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Aggregations lists the functions of stats that are lowered, sorted; percentiles (p95, perc95, …) come on top.
func Aggregations() []string { return append([]string{"c", "count"}, sortedKeys(aggregations)...) }
