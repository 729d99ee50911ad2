package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

// inputHelp says what rules may be given as.
const inputHelp = `PATH is what a Splunk user has on disk: the folder of an app, a whole etc or etc/apps, an app as .tgz or .spl,
savedsearches.conf, the output of "splunk btool savedsearches list", the export of a search over
"| rest /servicesNS/-/-/saved/searches" as JSON or CSV, a folder of detections in YAML, or JSON and NDJSON of
{"id", "title", "query", …}. Macros and lookups of a folder or archive come with the rules. Alerts become rules; reports and
searches that only fill lookups are skipped unless --all is given. What cannot be read is named, and drops nothing else.`

func (p Program) importCommand() *cobra.Command {
	var f migrateFlags
	var into string
	c := &cobra.Command{
		Use:   "import PATH… [--into ID]",
		Short: "Store what a Splunk user has on disk as a migration, without starting it",
		Long: `Store rules, macros and lookups as a migration, without starting it, and list what was found.

` + inputHelp + `

The migration is stored in --data-dir, or by the gateway of --url. Start it with migrate --resume ID, or over the API. With
--into what was found is added to a migration that is there and does not run: rules whose id it has already stay as they
are, macros and lookups of the same name are replaced.`,
		Example: `  rulebridge import /opt/splunk/etc/apps --data-dir data
  rulebridge import my_app.spl --url http://127.0.0.1:8080
  rulebridge import other_app.spl --url http://127.0.0.1:8080 --into 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, paths []string) error { return p.importPaths(c, f, into, paths) },
	}
	fs := c.Flags()
	config.Flags(fs)
	ownDefault(fs, "data-dir", "", "`folder` of the databases that the migration is stored in")
	fs.StringVar(&f.url, "url", "", "gateway that stores the migration, http(s)://[user:password@]host:port")
	fs.StringVar(&into, "into", "", "`id` of a migration that does not run, to add to it instead of making one")
	fs.BoolVar(&f.all, "all", false, "take reports and searches that fill lookups as well as alerts")
	return c
}

func (p Program) importPaths(c *cobra.Command, f migrateFlags, into string, paths []string) error {
	cfg, err := p.load(c)
	if err != nil {
		return err
	}
	if into != "" && url.PathEscape(into) != into {
		return usagef("--into: %s is no id of a migration", quote(into))
	}
	if f.url == "" && cfg.Source("data_dir") == "default" {
		return usagef("give --data-dir FOLDER or --url GATEWAY: the migration is stored there")
	}
	rules, resources, err := p.readInput(paths, f.all, into != "")
	if err != nil {
		return err
	}
	var g *gateway
	full := func() error { return nil } // of a gateway elsewhere the disk is not ours to look at
	if f.url != "" {
		if g, err = newGateway(f.url, remoteTransport()); err != nil {
			return err
		}
	} else {
		a, err := app.Open(c.Context(), app.Options{
			Config: ownProcess(cfg), Log: p.logger(cfg, true), Embedded: p.Embedded, FreePorts: true,
			Compilers: p.compilers(cfg, "--prebuilt", ""),
		})
		if err != nil {
			return startError(err)
		}
		defer func() { _ = p.shutDown(a, cfg) }()
		full = a.Full
		if g, err = newGateway(inProcessURL, inProcess{a.Handler()}); err != nil {
			return err
		}
	}
	where := "--url " + quote(withoutPassword(f.url))
	if f.url == "" {
		where = "--data-dir " + quote(cfg.DataDir)
	}
	if err := p.keep(c.Context(), g, into, where, rules, resources); err != nil {
		return errors.Join(err, full())
	}
	return nil
}

// keep stores what was found, as a migration of its own or added to one that is there. where are the flags that name the
// place.
func (p Program) keep(ctx context.Context, g *gateway, into, where string, rules []migration.OriginalRule, resources []migration.Resource) error {
	if into == "" {
		id, err := g.create(ctx, rules, resources, nil)
		if err != nil {
			return fmt.Errorf("store the migration: %w", err)
		}
		_, _ = fmt.Fprintf(p.Stdout, "Migration %s holds %s.\n", id, plural(len(rules), "rule"))
		return nil
	}
	before, err := g.stats(ctx, into)
	if err != nil {
		return fmt.Errorf("add to migration %s: %w", into, err)
	}
	concerns, err := g.add(ctx, into, rules, resources)
	if err != nil {
		return fmt.Errorf("add to migration %s: %w", into, err)
	}
	after, err := g.stats(ctx, into)
	if err != nil {
		return fmt.Errorf("count the rules of migration %s: %w", into, err)
	}
	total := after.Rules.Total
	_, _ = fmt.Fprintf(p.Stdout, "Migration %s holds %s, %d of them new.\n", into, plural(total, "rule"), total-before.Rules.Total)
	if concerns.Total > 0 {
		_, _ = fmt.Fprintf(p.Stdout, "%s that %s translated already %s macros or lookups of these. Translate them again with:\n  %s migrate --resume %s %s%s\n",
			plural(concerns.Total, "rule"), verb(concerns.Total, "is", "are"), verb(concerns.Total, "uses", "use"), p.Self, into, where, retryFlags(concerns, resources))
	}
	return nil
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// namedRetries is the most flags that a printed command names rules or resources with.
const namedRetries = 10

// retryFlags name the rules that resources concern: by id, by the resources, or, of many of both, by their kind.
func retryFlags(c concerned, resources []migration.Resource) string {
	var names []string
	switch {
	case c.Total <= namedRetries:
		for _, id := range c.RuleIDs {
			names = append(names, "rule:"+id)
		}
	case len(resources) <= namedRetries:
		for _, r := range resources {
			names = append(names, string(r.Type)+":"+r.Name)
		}
	default:
		names = []string{"not-full"}
	}
	var b strings.Builder
	for _, name := range names {
		b.WriteString(" --retry " + quote(name))
	}
	return b.String()
}

// readInput reads all paths, says on stderr what was found, and names what could not be read. Without rules, macros and
// lookups are enough only for a migration that has some.
func (p Program) readInput(paths []string, all, resourcesAlone bool) ([]migration.OriginalRule, []migration.Resource, error) {
	found, err := splunk.Read(paths, splunk.Options{All: all})
	if err != nil {
		return nil, nil, usage(err)
	}
	faults := found.Faults()
	if len(found.Rules) == 0 && !(resourcesAlone && len(found.Resources) > 0) {
		if len(faults) == 0 {
			return nil, nil, usagef("%s holds no alerts; --all takes reports and searches that fill lookups too", strings.Join(paths, ", "))
		}
		return nil, nil, usage(fmt.Errorf("no rule could be read; put these right first:\n%w", joinFaults(itemFaults(faults))))
	}
	writeFound(p.Stderr, found)
	if len(faults) > 0 {
		_, _ = fmt.Fprintf(p.Stderr, "rulebridge: %s could not be read; everything else was taken:\n%v\n", plural(len(faults), "thing"), joinFaults(itemFaults(faults)))
	}
	return found.Rules, found.Resources, nil
}

func itemFaults(items []splunk.Item) []error {
	var out []error
	for _, i := range items {
		out = append(out, fmt.Errorf("%s", i))
	}
	return out
}

// writeFound says in a few lines what an import found, by kind and outcome.
func writeFound(w io.Writer, found *splunk.Import) {
	type group struct {
		kind    string
		outcome splunk.Outcome
	}
	counts := map[group]int{}
	disabled := 0
	for _, i := range found.Items {
		counts[group{i.Kind, i.Outcome}]++
	}
	for _, r := range found.Rules {
		if r.Disabled {
			disabled++
		}
	}
	for _, line := range []struct {
		outcome splunk.Outcome
		text    string
	}{{splunk.Taken, "taken"}, {splunk.Skipped, "skipped"}, {splunk.Known, "known, not used yet"}} {
		var parts []string
		for g, n := range counts {
			if g.outcome == line.outcome {
				parts = append(parts, plural(n, g.kind))
			}
		}
		if len(parts) == 0 {
			continue
		}
		slices.SortFunc(parts, func(a, b string) int {
			_, a, _ = strings.Cut(a, " ")
			_, b, _ = strings.Cut(b, " ")
			return cmp.Compare(a, b)
		})
		_, _ = fmt.Fprintf(w, "rulebridge: %s: %s\n", line.text, strings.Join(parts, ", "))
	}
	if disabled > 0 {
		_, _ = fmt.Fprintf(w, "rulebridge: %s disabled in Splunk; they are taken too\n", plural(disabled, "rule is", "rules are"))
	}
}

// plural counts things: 1 rule, 2 rules. The second word is the plural where an s is not enough.
func plural(n int, words ...string) string {
	word := words[0]
	if n != 1 {
		if word += "s"; len(words) > 1 {
			word = words[1]
		}
	}
	return fmt.Sprintf("%d %s", n, word)
}
