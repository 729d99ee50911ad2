package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/samples"
)

func (p Program) alertsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "alerts",
		Short: "Put alerts where questions can read them without Elasticsearch",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	load := &cobra.Command{
		Use:   "import FILE…",
		Short: "Import alert documents into a data folder",
		Long: `Import alert documents from NDJSON, a JSON array, or hits of a search ({"_id", "_index", "_source"}); - is stdin. Each
document has its _id in it. One that was imported before is replaced. A line that cannot be read is named on stderr with its
number (20 of them, the rest is counted), the others are imported, and the exit code is 2.`,
		Example: `  rulebridge alerts import alerts.ndjson --data-dir ./data
  rulebridge ask "How many alerts are currently open?" --data-dir ./data`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error { return p.importAlerts(c, files) },
	}
	config.Flags(load.Flags())
	sample := &cobra.Command{
		Use:   "sample",
		Short: "Print 200 sample alerts of the last five days as NDJSON",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := samples.Alerts(time.Now())
			if err != nil {
				return err
			}
			_, err = p.Stdout.Write(text)
			return err
		},
	}
	c.AddCommand(load, sample)
	return c
}

// openFiles opens files to read; - is stdin. close closes them.
func (p Program) openFiles(names []string) (files []app.AlertFile, closeAll func(), err error) {
	var opened []io.Closer
	closeAll = func() {
		for _, f := range opened {
			_ = f.Close() // it was only read
		}
	}
	for _, name := range names {
		if name == "-" {
			files = append(files, app.AlertFile{Name: "stdin", Reader: p.Stdin})
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			closeAll()
			return nil, nil, usage(err)
		}
		opened = append(opened, f)
		files = append(files, app.AlertFile{Name: name, Reader: f})
	}
	return files, closeAll, nil
}

// maxRefused is how many documents that cannot be read are named.
const maxRefused = 20

// refusedAlerts names documents that cannot be read, the first ones: a file that holds no alerts has one on each line.
func (p Program) refusedAlerts() func(error) {
	n := 0
	return func(err error) {
		if n++; n <= maxRefused {
			_, _ = fmt.Fprintln(p.Stderr, "rulebridge: "+printable(err.Error()))
		}
	}
}

// moreRefused counts the documents that cannot be read and are not named.
func (p Program) moreRefused(refused int) {
	if n := refused - maxRefused; n > 0 {
		_, _ = fmt.Fprintf(p.Stderr, "rulebridge: … and %d more that cannot be read\n", n)
	}
}

func (p Program) importAlerts(c *cobra.Command, names []string) (err error) {
	cfg, err := p.load(c)
	if err != nil {
		return err
	}
	if cfg.Ephemeral {
		return usagef("--ephemeral: alerts are imported into a folder; name one with --data-dir, or ask without importing: rulebridge ask --alerts FILE")
	}
	files, closeFiles, err := p.openFiles(names)
	if err != nil {
		return err
	}
	defer closeFiles()
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return usage(fmt.Errorf("create the data folder: %w; choose another with --data-dir", err))
	}
	// Not locked: dev may run on the folder, and sees the alerts at once.
	db, err := sqlite.OpenAssistant(c.Context(), app.AssistantPath(cfg.DataDir), sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // what was imported is on the disk
	in, err := app.ImportAlerts(c.Context(), db, files, "", p.refusedAlerts())
	if err != nil {
		return err
	}
	p.moreRefused(in.Refused)
	_, _ = fmt.Fprintf(p.Stdout, "%d alerts imported into %s, %d of them replaced\n", in.Added+in.Replaced, cfg.DataDir, in.Replaced)
	if in.Refused > 0 {
		return usagef("%d documents could not be read; the others were imported", in.Refused)
	}
	return nil
}
