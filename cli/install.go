package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
	"github.com/rulebridge/rulebridge/workflows"
)

type installFlags struct {
	kibana, url, take         string
	export                    string // the command that writes lookup indices
	overwrite, enable, dryRun bool
	exceptions                bool
	spread                    time.Duration
}

func (p Program) installCommand() *cobra.Command {
	var f installFlags
	c := &cobra.Command{
		Use:         "install ID --kibana NAME",
		Annotations: map[string]string{settles: "yes"},
		Short:       "Install the rules of a migration in a Kibana",
		Long: `Install the rules of a migration in a Kibana that the configuration names:

  kibanas:
    - {name: prod, url: "https://kibana.example.org", space: soc, api_key_env: KIBANA_API_KEY}

First it says what that Kibana lacks (streams, fields, lookup indices) and what will become of the rules. Then prebuilt rules
that replace rules of yours are installed, then the translated ones, all disabled. A rule keeps its rule_id, so that a
further installation finds it: what is there is left alone. With --overwrite rules that differ are changed, and how is printed
first; whether they are enabled stays as it is.

Taken is every rule with a query that nobody rejected, partial ones too; with --take accepted only those that somebody accepted.
What is left out, and why, is counted; --dry-run names each rule.

With --enable fully translated rules that are there as the migration gives them are enabled when all are installed, some every
5 seconds over --spread. A rule runs when it is enabled and then at its interval, so those that were enabled apart go on running
apart.

With --exceptions, what filter macros and lookups of what is allowed leave out becomes an exception list of the rule, where
analysts edit it, and leaves the query: only where a list says exactly the same (see rulebridge export). What analysts change
there stays, unless --overwrite is given too. Give the flag each time, or rules with a list count as different.

A rule that Kibana does not take is named and keeps no other. When Kibana does not answer, it is tried again for some minutes.
An installation that was broken off goes on when install is run again; it is the workflow install-ID-NAME in the Temporal UI.

Exit codes: 0 installed, 1 ended early (the reason is on stderr), 2 bad flags or settings, 3 some rules failed.`,
		Example: `  rulebridge install 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae --kibana prod --data-dir work --config rulebridge.yaml --dry-run
  rulebridge install 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae --kibana prod --url http://127.0.0.1:8080`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return p.install(c, f, args[0]) },
	}
	fs := c.Flags()
	config.Flags(fs)
	for _, name := range []string{"http-port", "temporal-port", "ui-port", "ephemeral", "connector", "batch", "pause"} {
		_ = fs.MarkHidden(name)
	}
	fs.StringVar(&f.kibana, "kibana", "", "`name` of the Kibana in the configuration")
	fs.StringVar(&f.url, "url", "", "gateway that keeps the migration, http(s)://[user:password@]host:port")
	takeFlag(fs, &f.take)
	fs.BoolVar(&f.overwrite, "overwrite", false, "change rules that are there and differ")
	fs.BoolVar(&f.enable, "enable", false, "enable fully translated rules when all are installed")
	fs.BoolVar(&f.exceptions, "exceptions", false, "make exception lists of what rules leave out (filter macros, lookups of what is allowed)")
	fs.DurationVar(&f.spread, "spread", workflows.InstallSpread, "with --enable: the time over which rules are enabled")
	fs.BoolVar(&f.dryRun, "dry-run", false, "say what would happen, rule by rule, and change nothing")
	return c
}

func (p Program) install(c *cobra.Command, f installFlags, id string) (err error) {
	if f.kibana == "" {
		return usagef("name the Kibana with --kibana; kibanas in the configuration lists them")
	}
	if err := knownTake(f.take); err != nil {
		return err
	}
	if url.PathEscape(id) != id {
		return usagef("%s is no id of a migration", quote(id))
	}
	cfg, err := p.load(c)
	if err != nil {
		return err
	}
	where := "--url " + quote(withoutPassword(f.url))
	var g *gateway
	if f.url != "" {
		if g, err = newGateway(f.url, remoteTransport()); err != nil {
			return err
		}
	} else {
		if !slices.ContainsFunc(cfg.Kibanas, func(k config.Kibana) bool { return k.Name == f.kibana }) {
			return usagef("--kibana %s: the configuration names no such Kibana; add it to kibanas", quote(f.kibana))
		}
		where = "--data-dir " + quote(cfg.DataDir)
		a, err := app.Open(c.Context(), app.Options{
			Config: ownProcess(cfg), Log: p.logger(cfg, logCommand), Embedded: p.Embedded, FreePorts: true,
			Compilers: p.compilers(cfg, "--prebuilt", ""), UI: cfg.Source("ui.addr") != "default",
		})
		if err != nil {
			return startError(err)
		}
		defer func() { err = errors.Join(err, p.shutDown(a, cfg)) }()
		if g, err = newGateway(inProcessURL, inProcess{a.Handler()}); err != nil {
			return err
		}
	}
	err = p.installIn(c.Context(), g, f, id, where)
	var answer *answerError
	switch {
	case errors.Is(err, errUnknown):
		return usagef("there is no migration %s here", id)
	case errors.As(err, &answer) && answer.Status == http.StatusBadRequest:
		return usage(err)
	}
	return err
}

func (p Program) installIn(ctx context.Context, g *gateway, f installFlags, id, where string) error {
	var plan install.Plan
	q := url.Values{"kibana": {f.kibana}, "take": {f.take}}
	if f.overwrite {
		q.Set("overwrite", "true")
	}
	if f.exceptions {
		q.Set("exceptions", "true")
	}
	if err := g.do(ctx, http.MethodGet, "/"+id+"/install/plan?"+q.Encode(), nil, &plan); err != nil {
		return err
	}
	f.export = fmt.Sprintf("%s export %s %s --out kibana", p.Self, id, where)
	writePlan(p.Stdout, plan, f)
	if f.dryRun {
		return nil
	}
	body := map[string]any{"kibana": f.kibana, "take": f.take, "overwrite": f.overwrite, "enable": f.enable, "spread": f.spread.String()}
	if f.exceptions {
		body["exceptions"] = true
	}
	var answer struct {
		Started bool `json:"started"`
	}
	if err := g.do(ctx, http.MethodPost, "/"+id+"/install", body, &answer); err != nil {
		return err
	}
	if !answer.Started {
		_, _ = fmt.Fprintf(p.Stderr, "rulebridge: an installation in %s runs already; waiting for that one\n", f.kibana)
	}
	again := fmt.Sprintf("%s install %s --kibana %s %s", p.Self, id, f.kibana, where)
	if f.take != string(migration.TakeAll) {
		again += " --take " + f.take
	}
	if f.exceptions {
		again += " --exceptions"
	}
	status, err := p.followInstall(ctx, g, id, q)
	if wasInterrupted(ctx) {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err := g.do(stop, http.MethodDelete, "/"+id+"/install?"+q.Encode(), nil, new(struct{}))
		return &exitError{ExitInterrupted, errors.Join(fmt.Errorf("interrupted; what is installed stays, and %s goes on", again), err)}
	}
	if err != nil {
		return err
	}
	writeInstalled(p.Stdout, status)
	if byHand(plan) {
		_, _ = fmt.Fprintf(p.Stdout, "Lookup indices are still missing, and rules that join with them fail until they are there: %s\n", f.export)
	}
	switch {
	case status.Code != "":
		return fmt.Errorf("the installation ended early: %s; when that is mended go on with: %s", installCode(status.Code, f.kibana), again)
	case status.Counts.Failed > 0:
		return &exitError{ExitRules, fmt.Errorf("%s could not be installed", plural(status.Counts.Failed, "rule"))}
	}
	return nil
}

// installed is where an installation stands, with the rules that failed as the gateway tells them.
type installed struct {
	workflows.InstallStatus
	Failures []failedRule           `json:"failures"`
	Lists    []report.ExceptionList `json:"exception_lists"`
}

type failedRule struct {
	RuleID string `json:"rule_id"`
	Code   string `json:"code"`
	Status int    `json:"status"`
	Why    string `json:"why"`
}

// followInstall waits for the end, showing how far it is.
func (p Program) followInstall(ctx context.Context, g *gateway, id string, q url.Values) (installed, error) {
	var failing time.Time
	shown := ""
	for {
		var s struct {
			Running bool `json:"running"`
			installed
		}
		err := g.do(ctx, http.MethodGet, "/"+id+"/install?"+q.Encode(), nil, &s)
		switch {
		case ctx.Err() != nil:
			return s.installed, ctx.Err()
		case err != nil:
			if failing.IsZero() {
				failing = time.Now()
			}
			if time.Since(failing) > patience {
				return s.installed, err
			}
		default:
			failing = time.Time{}
			c := s.Counts
			now := fmt.Sprintf("%s: %d of the rules are done, %d failed", s.Phase, c.Created+c.Updated+c.Unchanged+c.Kept+c.Prebuilt, c.Failed)
			if s.Phase == workflows.InstallPhaseEnable {
				now = fmt.Sprintf("enable: %d enabled", c.Enabled)
			}
			if now != shown {
				shown = now
				_, _ = fmt.Fprintln(p.Stderr, "rulebridge: "+now)
			}
			if !s.Running {
				return s.installed, nil
			}
		}
		select {
		case <-ctx.Done():
			return s.installed, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// mostLacks is how many things that are lacking are named.
const mostLacks = 40

func writePlan(w io.Writer, plan install.Plan, f installFlags) {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if len(plan.Lacks) > 0 {
		say("%s lacks what rules need. They can be installed all the same, and find nothing until it is there:", plan.Kibana)
		for i, l := range plan.Lacks {
			if i == mostLacks {
				say("  and %d more", len(plan.Lacks)-i)
				break
			}
			more := ""
			switch {
			case l.Creates && l.Rows == 0:
				more = ", is created empty: the migration does not know its rows"
			case l.Creates:
				more = ", is created with " + plural(l.Rows, "row")
			case l.Integration != "":
				more = ", which the integration " + printable(l.Integration) + " brings"
			}
			say("  %-6s %s%s (%s: %s)", l.Kind, printable(l.Name), more, plural(l.Rules, "rule"), namedRules(l, f.dryRun))
		}
		if byHand(plan) {
			say("Create the lookup indices first, with the commands that this prints:\n  %s", f.export)
			say("or set the elasticsearch of %s in kibanas, and the installation creates them.", plan.Kibana)
		}
	}
	counts := map[install.Outcome]int{}
	prebuilt, partial := 0, 0
	lists, exceptions, stay := 0, 0, 0
	for _, s := range plan.Rules {
		if s.Kind == install.Prebuilt && s.Outcome == install.Created {
			prebuilt++
			continue
		}
		counts[s.Outcome]++
		if stay += len(s.Kept); s.Exceptions != nil {
			lists++
			exceptions += len(s.Exceptions.Items)
		}
		if s.Outcome == install.Created && s.Result == migration.Partial {
			partial++
		}
	}
	say("In %s: %d to create (%d full, %d partial), %d prebuilt to install, %d to update, %d there already, %d there and different, %d left out", plan.Kibana,
		counts[install.Created], counts[install.Created]-partial, partial, prebuilt, counts[install.Updated], counts[install.Unchanged], counts[install.Kept], counts[install.LeftOut])
	if why := plan.LeftOut.String(); why != "" {
		say("Left out: %s", why)
	}
	if f.exceptions {
		say("Exceptions: %s in %s; %s in the queries, since no exception list says the same", plural(exceptions, "exclusion"), plural(lists, "exception list"),
			plural(stay, "exclusion stays", "exclusions stay"))
	}
	for _, s := range plan.Rules {
		if f.dryRun || s.Outcome == install.Updated || s.Outcome == install.Kept {
			line := fmt.Sprintf("  %-9s %-7s %s", outcomeWord(s), s.Result, printable(s.ID))
			if s.Title != "" && s.Title != s.ID {
				line += " (" + printable(s.Title) + ")"
			}
			if s.Why != "" {
				line += ": " + printable(s.Why)
			}
			say("%s", line)
		}
		if f.dryRun {
			for _, lacking := range s.Unsettled {
				say("      lacks: %s", printable(lacking))
			}
		}
		if f.dryRun {
			writeExclusions(say, s)
		}
		if f.overwrite || f.dryRun {
			for _, c := range s.Changes {
				writeChange(&b, c)
			}
		}
	}
	if counts[install.Kept] > 0 {
		say("Rules that are there and different are left alone; --overwrite changes them, --dry-run shows how they differ.")
	}
	_, _ = io.WriteString(w, b.String())
}

// writeExclusions says what a rule leaves out by its exception list, and what stays in its query.
func writeExclusions(say func(format string, args ...any), s install.Step) {
	if x := s.Exceptions; x != nil {
		say("      exception list %s", printable(x.List.ListID))
		for _, item := range x.Items {
			for i, e := range item.Entries {
				line, value := "        leaves out", strings.Join(settingLines(e.Value), " ")
				if i > 0 {
					line = "          and"
				}
				is := "is"
				if e.Type == "match_any" {
					is = "is one of"
				}
				say("%s %s %s %s", line, printable(e.Field), is, printable(value))
			}
		}
	}
	for _, k := range s.Kept {
		by := strings.Join(append(k.Macros, k.Lookups...), ", ")
		say("      stays in the query (%s): %s", printable(by), printable(k.Why))
	}
}

// mostConcerned is how many of the rules that need something are named where not all that is known is asked for.
const mostConcerned = 3

// namedRules names the rules that need something: all that the plan names, or the first.
func namedRules(l install.Lack, all bool) string {
	ids := l.RuleIDs
	if !all {
		ids = ids[:min(len(ids), mostConcerned)]
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = printable(id)
	}
	text := strings.Join(names, ", ")
	if n := l.Rules - len(ids); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// byHand says that lookup indices are lacking and the installation does not create them.
func byHand(plan install.Plan) bool {
	return slices.ContainsFunc(plan.Lacks, func(l install.Lack) bool { return l.Kind == install.LackLookup && !l.Creates })
}

func outcomeWord(s install.Step) string {
	switch {
	case s.Kind == install.Prebuilt:
		return "prebuilt"
	case s.Outcome == install.Created:
		return "create"
	case s.Outcome == install.Updated:
		return "update"
	case s.Outcome == install.Kept:
		return "keep"
	case s.Outcome == install.LeftOut:
		return "leave out"
	}
	return string(s.Outcome)
}

// writeChange shows a setting line by line: what goes and what comes.
func writeChange(b *strings.Builder, c install.Change) {
	fmt.Fprintf(b, "      %s\n", printable(c.Setting))
	there, here := settingLines(c.There), settingLines(c.Here)
	for _, l := range there {
		if !slices.Contains(here, l) {
			fmt.Fprintf(b, "        - %s\n", printable(l))
		}
	}
	for _, l := range here {
		if !slices.Contains(there, l) {
			fmt.Fprintf(b, "        + %s\n", printable(l))
		}
	}
}

func settingLines(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return strings.Split(v, "\n")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return []string{string(text)}
}

func writeInstalled(w io.Writer, s installed) {
	c := s.Counts
	_, _ = fmt.Fprintf(w, "Installed: %d created, %d prebuilt, %d updated, %d there already, %d there and different, %d left out, %d failed",
		c.Created, c.Prebuilt, c.Updated, c.Unchanged, c.Kept, c.LeftOut, c.Failed)
	if c.Enabled > 0 {
		_, _ = fmt.Fprintf(w, ", %d enabled", c.Enabled)
	}
	_, _ = fmt.Fprintln(w)
	if why := s.Omitted.String(); why != "" {
		_, _ = fmt.Fprintf(w, "Left out: %s\n", why)
	}
	if c.Lists > 0 {
		_, _ = fmt.Fprintf(w, "%s in %s of the rules\n", plural(c.Exceptions, "exclusion"), plural(c.Lists, "exception list"))
	}
	for _, l := range s.Lists[:min(len(s.Lists), mostLacks)] {
		_, _ = fmt.Fprintf(w, "  list      %s: %s, %d\n", printable(l.RuleID), l.ListID, l.Exceptions)
	}
	if n := c.Lists - mostLacks; n > 0 {
		_, _ = fmt.Fprintf(w, "  and %d more; rulebridge report names them\n", n)
	}
	for _, f := range s.Failures {
		status := ""
		if f.Status > 0 {
			status = fmt.Sprintf(" (%d)", f.Status)
		}
		if f.Why != "" {
			status += ": " + printable(f.Why)
		}
		_, _ = fmt.Fprintf(w, "  failed    %s: %s%s\n", printable(f.RuleID), f.Code, status)
	}
	if n := c.Failed - len(s.Failures); n > 0 {
		_, _ = fmt.Fprintf(w, "  and %d more\n", n)
	}
}

// installCode puts the code of an installation that ended early into words.
func installCode(code, name string) string {
	switch code {
	case workflows.InstallUnavailable:
		return name + " did not answer, again and again"
	case workflows.InstallCredential:
		return name + " refuses the key, or there is none where the worker looks for it (api_key_env, api_key_file)"
	case workflows.InstallRedirect:
		return name + " answers with a redirect, which is not followed: set the address it leads to"
	case workflows.InstallNotKibana:
		return "what answers at the address of " + name + " is no Kibana, or has no such space"
	case workflows.InstallRefused:
		return name + " does not take what was asked, as another version of Kibana may do; the log of the worker has its words"
	case workflows.InstallUnknownKibana:
		return "the configuration of the worker names no Kibana " + name
	case workflows.InstallGone:
		return "the migration was deleted"
	case workflows.InstallStore:
		return "the store did not answer"
	case workflows.InstallCancelled:
		return "somebody stopped it"
	}
	return "a step failed in a way nobody foresaw; the log of the worker has it"
}
