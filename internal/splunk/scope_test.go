package splunk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/splunk"
)

// definitions are the resources that were taken, by name.
func definitions(found *splunk.Import) map[string]string {
	out := map[string]string{}
	for _, r := range found.Resources {
		out[r.Name] = r.Definition
	}
	return out
}

const twoApps = `
-- apps/alpha/default/savedsearches.conf --
[A]
search = %A%
alert.track = 1
-- apps/alpha/default/macros.conf --
[src]
definition = index=alpha
[outer]
definition = ` + "`src` x=1" + `
-- apps/zeta/default/savedsearches.conf --
[Z]
search = %Z%
alert.track = 1
-- apps/zeta/default/macros.conf --
[src]
definition = index=zeta
-- apps/zeta/metadata/default.meta --
[macros/src]
export = system
`

// TestScope: a rule never gets the definition that another app's rules see.
func TestScope(t *testing.T) {
	for _, c := range []struct {
		name, a, z, want string
		faults           int
	}{
		{"only the first app uses it", "`src`", "index=z", "index=alpha", 0},
		{"only the second app uses it", "index=a", "`src`", "index=zeta", 0},
		{"both use it", "`src`", "`src`", "", 1},
		{"within another macro", "`outer`", "`src`", "", 1},
		{"none uses it", "index=a", "index=z", "index=zeta", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := read(t, false, unpack(t, fill(twoApps, "%A%", c.a, "%Z%", c.z)))
			require.Len(t, found.Rules, 2)
			require.Equal(t, c.want, definitions(found)["src"])
			require.Len(t, found.Faults(), c.faults)
			if c.faults > 0 {
				require.Contains(t, found.Faults()[0].Why, "left out")
			}
		})
	}
}

// TestUserScope: what a user keeps private is not for the searches of the app.
func TestUserScope(t *testing.T) {
	found := read(t, false, unpack(t, `
-- etc/apps/alpha/default/savedsearches.conf --
[A]
search = `+"`src`"+` | lookup vip user
alert.track = 1
-- etc/apps/alpha/default/macros.conf --
[src]
definition = index=alpha
-- etc/apps/alpha/lookups/vip.csv --
user
ana
-- etc/users/ana/alpha/local/macros.conf --
[src]
definition = index=mine
-- etc/users/ana/alpha/local/savedsearches.conf --
[A]
dispatch.earliest_time = -1h
-- etc/users/ana/alpha/lookups/vip.csv --
user
bob
-- etc/system/local/macros.conf --
[src]
definition = index=system
`))
	require.Equal(t, []string{"A"}, titles(found))
	require.Equal(t, "index=alpha", definitions(found)["src"])
	require.Empty(t, found.Faults(), "a user's own settings of a shared search are no fault")
	for _, r := range found.Resources {
		if r.Name == "vip.csv" {
			require.Equal(t, []map[string]string{{"user": "ana"}}, r.Rows)
		}
	}
}

// TestExportedNames: metadata writes names as in a URL.
func TestExportedNames(t *testing.T) {
	found := read(t, false, unpack(t, `
-- apps/alpha/default/macros.conf --
[two words(1)]
args = a
definition = $a$
-- apps/alpha/metadata/local.meta --
[macros/two%20words%281%29]
export = system
-- apps/beta/default/macros.conf --
[b]
definition = x
`))
	for _, i := range found.Items {
		if i.Name == "two words(1)" {
			require.NotContains(t, i.Why, "private")
		}
	}
}

// TestPrivateScope: what an app or a user keeps private is not for the rules of others.
func TestPrivateScope(t *testing.T) {
	const rule = "\nalert.track = 1\n"
	alpha := `
-- apps/alpha/default/macros.conf --
[own]
definition = index=alpha
[both]
definition = index=alpha both=1
[shared]
definition = index=alpha shared=1
-- apps/alpha/metadata/default.meta --
[]
export = none
[macros/shared]
export = system
-- apps/alpha/lookups/names.csv --
user
ana
-- users/ana/beta/local/macros.conf --
[mine]
definition = index=mine
`
	found := read(t, false, unpack(t, alpha+`
-- apps/alpha/default/savedsearches.conf --
[A]
search = `+"`both`"+rule+`
-- apps/beta/default/savedsearches.conf --
[B]
search = `+"`own` `both` `shared` `mine` [| inputlookup names.csv]"+rule))
	got := definitions(found)
	require.Equal(t, map[string]string{"both": "index=alpha both=1", "shared": "index=alpha shared=1"}, map[string]string{"both": got["both"], "shared": got["shared"]})
	for _, name := range []string{"own", "mine", "names.csv"} {
		require.NotContains(t, got, name)
	}
	why := map[string]string{}
	for _, i := range found.Items {
		why[i.Name] = string(i.Outcome) + ": " + i.Why
	}
	require.Equal(t, "skipped: it is private to the app alpha, and the rules that name it are in the app beta, where Splunk does not see it; export it in the metadata of its app, or give it with --macros of migrate", why["own"])
	require.Contains(t, why["mine"], "skipped: it is private to the user ana, and")
	require.Contains(t, why["names.csv"], "skipped: it is private to the app alpha, and")
	require.Contains(t, why["both"], "taken: it is private to the app alpha; rules in the app beta name it too, where Splunk does not see it: they lack it here too")
	require.NotContains(t, why["shared"], "private")
	for _, r := range found.Resources {
		require.Equal(t, r.Name == "both", r.App == "alpha", "%s is kept to %q", r.Name, r.App)
	}

	// Of an app alone, nothing is known of the others.
	found = read(t, false, unpack(t, alpha))
	require.Contains(t, definitions(found), "own")
}

// TestMetadataIsNoPrintout: lines that metadata wraps are not those of a value, as they are in what btool prints.
func TestMetadataIsNoPrintout(t *testing.T) {
	found := read(t, false, unpack(t, `
-- alpha/default/savedsearches.conf --
[A]
search = index=x
alert.track = 1
-- alpha/metadata/default.meta --

# Application-level permissions

[]
access = read : [ * ], write : [ admin, power ]

### EVENT TYPES & TAGS

[eventtypes]
export = system
`))
	require.Equal(t, []string{"A"}, titles(found))
	require.Empty(t, found.Faults())
}
