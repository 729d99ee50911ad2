package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
searches that only fill a lookup or summary (outputlookup, collect) are skipped unless --all is given. What cannot be read is
named, and drops nothing else.`

func (p Program) importCommand() *cobra.Command {
	var f migrateFlags
	var into string
	var broken brokenOff
	c := &cobra.Command{
		Use:   "import PATH… [--into ID]",
		Short: "Store what a Splunk user has on disk as a migration, without starting it",
		Long: `Store rules, macros and lookups as a migration, without starting it, and list what was found.

` + inputHelp + `

The migration is stored in --data-dir, or by the gateway of --url. Start it with migrate --resume ID, or over the API. With
--into what was found is added to a migration that is there and does not run: rules whose id it has already stay as they
are, macros and lookups of the same name are replaced.

A migration whose storing broke off (a kill, a lost connection) is in the state creating and cannot be started. Add the same
files with --into, which takes nothing twice; or, without files, take it as it is with --seal, or delete it with --discard.`,
		Example: `  rulebridge import /opt/splunk/etc/apps --data-dir data
  rulebridge import my_app.spl --url http://127.0.0.1:8080
  rulebridge import other_app.spl --url http://127.0.0.1:8080 --into 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae
  rulebridge import --seal --data-dir data --into 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, paths []string) error {
			switch {
			case broken.seal && broken.discard:
				return usagef("--seal and --discard exclude each other")
			case broken.any() && (into == "" || len(paths) > 0):
				return usagef("--seal and --discard take no files, and --into names the migration")
			case !broken.any() && len(paths) == 0:
				return usagef("give at least one file or folder; see rulebridge import --help")
			}
			return p.importPaths(c, f, into, broken, paths)
		},
	}
	fs := c.Flags()
	config.Flags(fs)
	ownDefault(fs, "data-dir", "", "`folder` of the databases that the migration is stored in")
	fs.StringVar(&f.url, "url", "", "gateway that stores the migration, http(s)://[user:password@]host:port")
	fs.StringVar(&into, "into", "", "`id` of a migration that does not run, to add to it instead of making one")
	fs.StringVar(&f.name, "name", "", nameUsage)
	fs.BoolVar(&f.all, "all", false, "take reports and searches that fill lookups or summaries as well as alerts")
	fs.BoolVar(&broken.seal, "seal", false, "with --into and no files: the migration, whose storing broke off, is whole as it is")
	fs.BoolVar(&broken.discard, "discard", false, "with --into and no files: delete the migration, whose storing broke off")
	return c
}

// brokenOff says what becomes of a migration whose storing broke off.
type brokenOff struct{ seal, discard bool }

func (b brokenOff) any() bool { return b.seal || b.discard }

// settle ends a migration whose storing broke off: it is whole as it is, or goes.
func (p Program) settle(ctx context.Context, g *gateway, id string, b brokenOff) error {
	stats, err := g.stats(ctx, id)
	switch {
	case errors.Is(err, errUnknown):
		return usagef("--into %s: there is no such migration here", id)
	case err != nil:
		return err
	case stats.Status != migration.Creating:
		return usagef("--into %s: the migration is %s; --seal and --discard are for those whose storing broke off", id, stats.Status)
	case b.seal && stats.Rules.Total == 0:
		return usagef("--into %s: it holds no rule; delete it with --discard", id)
	case b.seal:
		if err := p.sealAsIs(ctx, g, id); err != nil {
			return fmt.Errorf("seal migration %s: %w", id, err)
		}
		_, err = fmt.Fprintf(p.Stdout, "Migration %s is ready and holds %s.\n", id, plural(stats.Rules.Total, "rule"))
		return err
	}
	if err := g.do(ctx, http.MethodDelete, "/"+id, nil, new(struct{})); err != nil {
		return fmt.Errorf("delete migration %s: %w", id, err)
	}
	_, err = fmt.Fprintf(p.Stdout, "Migration %s is deleted.\n", id)
	return err
}

// sealAsIs sends the first rule once more, which adds nothing and seals.
func (p Program) sealAsIs(ctx context.Context, g *gateway, id string) error {
	var first []migration.OriginalRule
	enough := errors.New("one is enough")
	err := g.rules(ctx, id, func(_ json.RawMessage, r migration.Rule) error {
		first = []migration.OriginalRule{r.Original}
		return enough
	})
	if err != nil && !errors.Is(err, enough) {
		return err
	}
	_, _, _, err = g.storeNext(ctx, id, first, true)
	return err
}

func (p Program) importPaths(c *cobra.Command, f migrateFlags, into string, broken brokenOff, paths []string) error {
	cfg, err := p.load(c)
	if err != nil {
		return err
	}
	if into != "" && f.name != "" {
		return usagef("--name and --into exclude each other: the migration that is added to has its name")
	}
	if into != "" && url.PathEscape(into) != into {
		return usagef("--into: %s is no id of a migration", quote(into))
	}
	if f.url == "" && cfg.Source("data_dir") == "default" {
		return usagef("give --data-dir FOLDER or --url GATEWAY: the migration is stored there")
	}
	if f.url != "" {
		g, err := newGateway(f.url, remoteTransport())
		if err != nil {
			return err
		}
		if broken.any() {
			return p.settle(c.Context(), g, into, broken)
		}
		return p.importThere(c.Context(), g, f, into, paths)
	}
	a, err := app.Open(c.Context(), app.Options{
		Config: ownProcess(cfg), Log: p.logger(cfg, logCommand), Embedded: p.Embedded, FreePorts: true,
		Compilers: p.compilers(cfg, "--prebuilt", ""),
	})
	if err != nil {
		return startError(err)
	}
	defer func() { _ = p.shutDown(a, cfg) }()
	g, err := newGateway(inProcessURL, inProcess{a.Handler()})
	if err != nil {
		return err
	}
	if broken.any() {
		return p.settle(c.Context(), g, into, broken)
	}
	if err := p.importHere(c.Context(), g, f, into, cfg.DataDir, paths); err != nil {
		return errors.Join(err, a.Full())
	}
	return nil
}

// importHere reads the files and stores what is in them while it goes on.
func (p Program) importHere(ctx context.Context, g *gateway, f migrateFlags, into, dir string, paths []string) (err error) {
	before := 0
	if into != "" {
		stats, err := g.stats(ctx, into)
		if err != nil {
			return fmt.Errorf("add to migration %s: %w", into, err)
		}
		before = stats.Rules.Total
	}
	k := &gatewaySink{Tally: splunk.NewTally(maxFaults), ctx: ctx, g: g, id: into}
	if err = splunk.Stream(paths, splunk.Options{All: f.all}, k); err == nil {
		err = k.seal()
	}
	if err != nil && into == "" && k.id != "" {
		err = g.discard(ctx, k.id, err)
	}
	switch {
	case k.err != nil && into != "":
		return fmt.Errorf("add to migration %s: %w; what was stored stays, and the same import again adds the rest", into, err)
	case k.err != nil:
		return fmt.Errorf("store the migration: %w", err)
	case err != nil:
		return usage(err)
	}
	if into == "" {
		p.name(ctx, g, k.id, cmp.Or(f.name, nameOf(paths)))
	}
	report := k.Report()
	if err := p.writeFound(paths, report, into != "" && len(k.resources) > 0); err != nil {
		return err
	}
	return p.writeKept(ctx, g, into, k.id, before, k.concerns, k.resources, "--data-dir "+quote(dir))
}

// writeKept says what a migration holds now, and which of its rules what was added concerns. where are the flags that name
// the place.
func (p Program) writeKept(ctx context.Context, g *gateway, into, id string, before int, concerns concerned, resources []migration.Resource, where string) error {
	after, err := g.stats(ctx, id)
	if err != nil {
		return fmt.Errorf("count the rules of migration %s: %w", id, err)
	}
	total := after.Rules.Total
	if into == "" {
		_, _ = fmt.Fprintf(p.Stdout, "Migration %s holds %s.\n", id, plural(total, "rule"))
		return nil
	}
	_, _ = fmt.Fprintf(p.Stdout, "Migration %s holds %s, %d of them new.\n", id, plural(total, "rule"), total-before)
	if concerns.Total > 0 {
		_, _ = fmt.Fprintf(p.Stdout, "%s that %s translated already %s macros or lookups of these. Translate them again with:\n  %s migrate --resume %s %s%s\n",
			plural(concerns.Total, "rule"), verb(concerns.Total, "is", "are"), verb(concerns.Total, "uses", "use"), p.Self, id, where, retryFlags(concerns, resources))
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

// readInput reads all paths whole, says on stderr what was found, and names what could not be read.
func (p Program) readInput(paths []string, all bool) ([]migration.OriginalRule, []migration.Resource, error) {
	k := &wholeSink{Tally: splunk.NewTally(maxFaults)}
	if err := splunk.Stream(paths, splunk.Options{All: all}, k); err != nil {
		return nil, nil, usage(err)
	}
	return k.rules, k.resources, p.writeFound(paths, k.Report(), false)
}

// wholeSink holds all rules and resources.
type wholeSink struct {
	*splunk.Tally
	rules     []migration.OriginalRule
	resources []migration.Resource
}

// Rules implements splunk.Sink.
func (k *wholeSink) Rules(list []migration.OriginalRule) error {
	k.rules = append(k.rules, list...)
	return nil
}

// Resources implements splunk.Sink.
func (k *wholeSink) Resources(list []migration.Resource) error {
	k.resources = append(k.resources, list...)
	return nil
}

func itemFaults(items []splunk.Item) []error {
	var out []error
	for _, i := range items {
		out = append(out, fmt.Errorf("%s", i))
	}
	return out
}

// writeFound says in a few lines what an import found, by kind and outcome, and names what could not be read. Without a rule
// it is an error, unless macros and lookups alone are enough.
func (p Program) writeFound(paths []string, found splunk.Report, enough bool) error {
	rules := 0
	for _, c := range found.Counts {
		if c.Outcome == splunk.Taken && c.Kind != string(migration.ResourceMacro) && c.Kind != string(migration.ResourceLookup) {
			rules += c.N
		}
	}
	faults := itemFaults(found.Faults())
	if more := found.Of(splunk.Fault) - len(faults); more > 0 {
		faults = append(faults, fmt.Errorf("… and %d more", more))
	}
	if rules == 0 && !enough {
		if len(faults) == 0 {
			return noAlerts(paths)
		}
		return usage(fmt.Errorf("no rule could be read; put these right first:\n%w", errors.Join(faults...)))
	}
	for _, line := range []struct {
		outcome splunk.Outcome
		text    string
	}{{splunk.Taken, "taken"}, {splunk.Skipped, "skipped"}, {splunk.Known, "known, not used yet"}} {
		var parts []string
		more := ""
		for _, c := range found.Counts { // by kind
			if c.Outcome != line.outcome {
				continue
			}
			parts = append(parts, kindCount(c))
			if line.outcome == splunk.Skipped && (c.Kind == string(splunk.KindFiller) || c.Kind == string(splunk.KindReport)) {
				more = "; --all takes reports and searches that fill lookups or summaries too"
			}
		}
		if len(parts) > 0 {
			_, _ = fmt.Fprintf(p.Stderr, "rulebridge: %s: %s%s\n", line.text, strings.Join(parts, ", "), more)
		}
	}
	if found.Disabled > 0 {
		_, _ = fmt.Fprintf(p.Stderr, "rulebridge: %s disabled in Splunk; they are taken too\n", plural(found.Disabled, "rule is", "rules are"))
	}
	if len(faults) > 0 {
		_, _ = fmt.Fprintf(p.Stderr, "rulebridge: %s could not be read; everything else was taken:\n%v\n", plural(found.Of(splunk.Fault), "thing"), errors.Join(faults...))
	}
	return nil
}

// kindCount is a number of things of a kind in words.
func kindCount(c splunk.Count) string {
	if c.Kind == string(splunk.KindFiller) {
		return plural(c.N, "search that fills a lookup or summary", "searches that fill lookups or summaries")
	}
	return plural(c.N, c.Kind)
}

func noAlerts(paths []string) error {
	return usagef("%s holds no alerts; --all takes reports and searches that fill lookups or summaries too", strings.Join(paths, ", "))
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
