package schema

import "testing"

func TestMatchByTags(t *testing.T) {
	s := Default()
	for _, tt := range []struct {
		tags []string
		want string
	}{
		{[]string{"authentication"}, "authentication_events"},
		{[]string{"network", "communicate"}, "network_events"},
		{[]string{"network", "resolution", "dns"}, "dns_events"},
		{[]string{"malware", "attack"}, "malware_events"},
		{[]string{"ids", "attack"}, "ids_events"},
		{[]string{"process", "report"}, "process_events"},
		{[]string{"web"}, "web_events"},
	} {
		var ps []Predicate
		for _, tag := range tt.tags {
			ps = append(ps, Predicate{Field: "tag", Value: tag})
		}
		src, consumed, ok := s.Match(ps)
		if !ok || src.Name != tt.want || src.DataModel {
			t.Errorf("%v: %+v", tt.tags, src)
			continue
		}
		for i, c := range consumed {
			if !c {
				t.Errorf("%v: %s is left as a filter", tt.tags, tt.tags[i])
			}
		}
	}
}
