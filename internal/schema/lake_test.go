package schema

import "testing"

// Of an event of Security Lake, what has a field of ECS stands there, and the name of the operation is not event.action, which
// has the kind of activity.
func TestSecurityLake(t *testing.T) {
	s, ok := Default().Macro("amazon_security_lake")
	if !ok {
		t.Fatal("amazon_security_lake is unknown")
	}
	for name, want := range map[string]struct {
		field   string
		support Support
	}{
		"api.operation":           {"ocsf.api.operation", Exact},
		"actor.user.uid":          {"user.id", Exact},
		"actor.user.name":         {"user.name", Exact},
		"user.name":               {"user.target.name", Exact},
		"src_endpoint.ip":         {"source.ip", Exact},
		"http_request.user_agent": {"user_agent.original", Exact},
		"status":                  {"ocsf.status", Exact},
		"actor.user.account.uid":  {"ocsf.actor.user.account.uid", Exact},
		"actor.user.account_uid":  {"ocsf.actor.user.account.uid", Approximate},
		"src_endpoint.domain":     {"source.domain", Approximate},
	} {
		f := s.Field(name, Hint{})
		if f.Name != want.field || f.Support != want.support || f.Proof.Kind == Unproven {
			t.Errorf("%s: %s, support %d, proof %v; want %s, %d", name, f.Name, f.Support, f.Proof, want.field, want.support)
		}
	}
}
