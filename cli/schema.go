package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/internal/nearest"
	"github.com/rulebridge/rulebridge/internal/schema"
)

func (p Program) schemaCommand() *cobra.Command {
	source := ""
	c := &cobra.Command{
		Use:   "schema FIELD --source SOURCE",
		Short: "Say where a Splunk field comes from in Elastic, and what shows it",
		Long: `Say where a Splunk field stands in Elastic: the field and its type, what the ingest pipeline does with the value, for
which event codes, and what shows that documents have it.

SOURCE is a data model (Endpoint.Processes), a data-source macro (sysmon), or a source or sourcetype of Splunk
(aws:cloudtrail). Without FIELD, the fields that the tables name for the source are listed.`,
		Example: `  rulebridge schema IpAddress --source wineventlog_security
  rulebridge schema process_name --source Endpoint.Processes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if source == "" {
				return usagef("--source is missing: name a data model, a macro or a sourcetype; see %s --help", c.CommandPath())
			}
			s := schema.Default()
			src, ok := s.Named(source)
			if !ok {
				return usagef("no source is known as %q%s", source, nearest.Hint(source, s.SourceNames()))
			}
			if len(args) == 0 {
				for _, name := range src.Mapped() {
					if _, err := fmt.Fprintln(c.OutOrStdout(), name); err != nil {
						return err
					}
				}
				return nil
			}
			for i, o := range src.Origins(args[0]) {
				if i > 0 {
					if _, err := fmt.Fprintln(c.OutOrStdout()); err != nil {
						return err
					}
				}
				if err := printOrigin(c.OutOrStdout(), o); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&source, "source", "", "data model, data-source macro, source or sourcetype that the field belongs to")
	return c
}

func printOrigin(w io.Writer, o schema.Origin) error {
	var b strings.Builder
	f := o.Field
	title := fmt.Sprintf("%s of %s", o.Name, o.Source)
	if len(o.Codes) > 0 {
		shown := o.Codes[:min(len(o.Codes), 12)]
		title += ", for " + strings.Join(shown, " ")
		if n := len(o.Codes) - len(shown); n > 0 {
			title += fmt.Sprintf(" and %d more", n)
		}
	}
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-11s %s\n", label, text)
		}
	}
	fmt.Fprintln(&b, title)
	if f.Support == schema.None {
		line("field", "none")
		line("because", f.Reason)
		line("candidate", f.Candidate)
		if f.Extract != nil {
			line("read from", f.Extract.Name+", by the expression "+f.Extract.Regex)
		}
	} else {
		text := f.Name
		if f.Fn != "" {
			text = f.Fn + "(" + text + ")"
		}
		if len(f.Also) > 0 {
			text = strings.Join(append([]string{text}, f.Also...), ", or where that is missing ")
		}
		line("field", text+" ("+f.Type+")")
		line("certainty", certainty(f))
		line("because", f.Reason)
		if f.Array != schema.Single {
			line("values", "several are possible")
		}
		if f.Default != "" {
			line("missing", "stands for "+f.Default+" in Splunk")
		}
		for _, d := range f.Doubts {
			line("except", "values like "+strings.TrimPrefix(d.Values.String(), "(?i)")+", comparing with which is an approximation: "+d.Reason)
		}
		if f.Written[0] != "" {
			line("also as", fmt.Sprintf("%q for %q, so both are looked for", f.Written[1], f.Written[0]))
		}
		line("shown by", f.Proof.String())
	}
	for _, s := range o.Steps {
		line("pipeline", s)
	}
	line("version", o.Version)
	line("read in", o.Read)
	_, err := io.WriteString(w, b.String())
	return err
}

// certainty says in words how well a mapping holds.
func certainty(f schema.Field) string {
	switch {
	case f.Support == schema.Exact:
		return "exact"
	case f.Support == schema.Medium:
		return "exact, with less certainty"
	case f.FormatOnly:
		return "the same events, other spelling: grouping is exact, comparing an approximation"
	}
	return "an approximation"
}
