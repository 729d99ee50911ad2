package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/worker"
)

type askFlags struct {
	alerts            []string
	size              int
	shown             bool
	conversation, url string
}

func (p Program) askCommand() *cobra.Command {
	var f askFlags
	c := &cobra.Command{
		Use:   `ask "QUESTION"`,
		Short: "Ask about open alerts; names and addresses are masked before a model sees them",
		Long: `Ask a question about alerts. They are read from --alerts FILE, from what rulebridge alerts import put into --data-dir, from
Elasticsearch if elasticsearch.urls is set, or by a gateway with --url. Without --connector no model is asked: counting,
"which first" and "any alerts on …" are answered from the alerts alone.

What a model sees has tokens in place of hosts, users, addresses and the like; --show-anonymized prints exactly what was
sent and received. With --conversation the question and its answer are kept, and later questions know of them.`,
		Example: `  rulebridge ask "How many alerts are currently open?" --alerts alerts.ndjson
  rulebridge ask "Which alerts should I look at first?" --data-dir ./data --connector gpt --show-anonymized
  rulebridge ask "And on which of these hosts since?" --conversation monday --url http://127.0.0.1:8080`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return p.ask(c, f, args[0]) },
	}
	fs := c.Flags()
	config.Flags(fs)
	fs.StringArrayVar(&f.alerts, "alerts", nil, "file of alerts, NDJSON or a JSON array, - for stdin; no server and no data folder is needed; may be repeated")
	fs.IntVar(&f.size, "size", assistant.DefaultSize, fmt.Sprintf("how many alerts a step reads at most, %d to %d", assistant.MinSize, assistant.MaxSize))
	fs.BoolVar(&f.shown, "show-anonymized", false, "print what was really sent to the model and received from it")
	fs.StringVar(&f.conversation, "conversation", "", "name of a conversation that the question belongs to; a new name begins one")
	fs.StringVar(&f.url, "url", "", "gateway that answers, http(s)://[user:password@]host:port")
	return c
}

// conversationName is what the gateway takes as the id of a conversation.
var conversationName = regexp.MustCompile(`^[A-Za-z0-9._:@-]{1,128}$`)

func (p Program) ask(c *cobra.Command, f askFlags, question string) error {
	cfg, err := p.load(c)
	if err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(question) == "":
		return usagef("the question is empty; see %s --help", c.CommandPath())
	case f.size < assistant.MinSize || f.size > assistant.MaxSize:
		return usagef("--size %d: use %d to %d", f.size, assistant.MinSize, assistant.MaxSize)
	case f.conversation != "" && !conversationName.MatchString(f.conversation):
		return usagef("--conversation %q: use at most 128 letters, digits and . _ : @ -", f.conversation)
	case f.url != "" && len(f.alerts) > 0:
		return usagef("--url and --alerts exclude each other: the gateway reads its own alerts")
	case !cfg.Features.AssistantRAG:
		return usagef("features.assistantRagOnAlerts is off; turn it on to ask about alerts")
	}
	var answer assistant.Answer
	if f.url != "" {
		g, err := newGateway(f.url, patientTransport())
		if err != nil {
			return err
		}
		answer, err = g.ask(c.Context(), cfg, f, question)
		if err != nil {
			return err
		}
	} else if answer, err = p.askHere(c.Context(), cfg, f, question); err != nil {
		var fault *assistant.Fault
		if errors.As(err, &fault) && (fault.Code == assistant.CodeUnknownConnector || fault.Code == assistant.CodeQuestion) {
			return usage(err)
		}
		return err
	}
	return p.printAnswer(cfg, f, answer)
}

// askHere answers in this process.
func (p Program) askHere(ctx context.Context, cfg config.Config, f askFlags, question string) (answer assistant.Answer, err error) {
	ring, err := worker.Ring(cfg.Codec)
	if err != nil {
		return answer, usage(err)
	}
	dir := cfg.DataDir
	if _, err := os.Stat(app.AssistantPath(dir)); cfg.Ephemeral || err != nil && f.conversation == "" {
		if dir != "" && !cfg.Ephemeral && len(f.alerts) == 0 && !cfg.FromElasticsearch() {
			return answer, usagef("there are no alerts in %s: import some with rulebridge alerts import FILE, ask with --alerts FILE, or ask a gateway with --url", dir)
		}
		dir = "" // settings and conversations are then those of an empty folder
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return answer, usage(fmt.Errorf("create the data folder: %w; choose another with --data-dir", err))
	}
	a, err := app.OpenAssistant(ctx, cfg, dir, ring, p.logger(cfg, logCommand))
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	asOf := time.Now().UTC()
	if len(f.alerts) > 0 {
		source, newest, err := p.alertsOf(ctx, f.alerts)
		if err != nil {
			return answer, err
		}
		defer func() { _ = source.Close() }() // it was in memory
		a.ReadFrom(source)
		if !newest.IsZero() && newest.Before(asOf.Add(-24*time.Hour)) {
			asOf = newest
			_, _ = fmt.Fprintf(p.Stderr, "rulebridge: the newest alert is of %s; the last 24 hours end there\n", newest.Format(time.RFC3339))
		}
	}
	q := assistant.Question{
		ID: uuid.NewString(), Owner: app.LocalOwner, ConnectorID: cfg.Connector, Messages: []assistant.Message{{Role: assistant.RoleUser, Content: question}},
		ConversationID: f.conversation, Alerts: true, Knowledge: true, Index: cfg.Assistant.IndexPatterns, MaskIndex: cfg.Assistant.IndexPatterns,
		Size: f.size, Trace: f.shown, AsOf: asOf,
	}
	if len(f.alerts) > 0 {
		q.Index, q.MaskIndex = []string{store.DefaultAlertIndex}, []string{store.DefaultAlertIndex}
	}
	if f.conversation != "" {
		if err := begin(ctx, a.Conversations(), q, question); err != nil {
			return answer, err
		}
	}
	return a.Core().Run(ctx, q)
}

// begin makes the conversation of a question if there is none of its name.
func begin(ctx context.Context, kept assistant.Conversations, q assistant.Question, question string) error {
	_, err := kept.Conversation(ctx, q.Owner, q.ConversationID)
	if !errors.Is(err, assistant.ErrNotFound) {
		return err
	}
	err = kept.CreateConversation(ctx, assistant.Conversation{ID: q.ConversationID, Owner: q.Owner, Title: fit(question, titleWidth),
		ConnectorID: q.ConnectorID, CreatedAt: q.AsOf, UpdatedAt: q.AsOf})
	if errors.Is(err, assistant.ErrExists) {
		return usagef("--conversation %s: somebody else has a conversation of this name; choose another", q.ConversationID)
	}
	return err
}

// titleWidth is how much of its first question names a conversation.
const titleWidth = 80

// alertsOf reads files into memory and finds the time of the newest alert. Documents that cannot be read are named and left out.
func (p Program) alertsOf(ctx context.Context, names []string) (source *sqlite.Assistant, newest time.Time, err error) {
	files, closeFiles, err := p.openFiles(names)
	if err != nil {
		return nil, newest, err
	}
	defer closeFiles()
	if source, err = sqlite.OpenAssistant(ctx, sqlite.Memory, sqlite.Options{}); err != nil {
		return nil, newest, err
	}
	in, err := app.ImportAlerts(ctx, source, files, store.DefaultAlertIndex, p.refusedAlerts())
	p.moreRefused(in.Refused)
	if err == nil && in.Added+in.Replaced == 0 {
		err = usagef("--alerts: there are no alerts in %s", strings.Join(names, ", "))
	}
	if err == nil {
		newest, err = source.Newest(ctx)
	}
	if err != nil {
		_ = source.Close() // it was in memory
		return nil, newest, err
	}
	return source, newest, nil
}

// printAnswer prints what was sent and received if asked for, then the answer; notes go to stderr.
func (p Program) printAnswer(cfg config.Config, f askFlags, answer assistant.Answer) error {
	var b strings.Builder
	if f.shown {
		p.writeTrace(&b, cfg, answer.Trace)
	}
	b.WriteString(plainText(answer.Text) + "\n")
	if _, err := fmt.Fprint(p.Stdout, b.String()); err != nil {
		return err
	}
	for _, note := range answer.Notes {
		_, _ = fmt.Fprintln(p.Stderr, "note: "+printable(note))
	}
	return nil
}

func (p Program) writeTrace(b *strings.Builder, cfg config.Config, t *assistant.Trace) {
	c := paint(p.colours(p.Stdout))
	if t == nil {
		b.WriteString(c.in(bold, "The gateway says nothing of what was sent.") + "\n\n")
		return
	}
	asked := false
	for _, s := range t.Steps {
		if s.Name != "model" {
			fmt.Fprintf(b, "%s %s %s (%d alerts)\n", c.in(bold, "tool"), s.Name, printable(s.Args), s.Alerts)
			continue
		}
		if len(s.Sent) == 0 {
			continue // no model was asked
		}
		asked = true
		for _, m := range s.Sent {
			fmt.Fprintf(b, "%s to %s, as %s:\n%s\n", c.in(bold, "sent"), cfg.Connector, m.Role, indent(m.Content))
		}
		fmt.Fprintf(b, "%s:\n%s\n", c.in(bold, "received"), indent(s.Received))
	}
	if !asked {
		fmt.Fprintf(b, "%s was sent to a model: %s answers by itself\n", c.in(bold, "nothing"), cfg.Connector)
	}
	for _, l := range t.LeftOut {
		fmt.Fprintf(b, "%s %s: %s\n", c.in(bold, "left out"), l.Tool, l.Why)
	}
	b.WriteByte('\n')
}

// plainText is text for a terminal, in its lines.
func plainText(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	for i, line := range lines {
		lines[i] = printable(strings.TrimSuffix(line, "\r"))
	}
	return strings.Join(lines, "\n")
}

func indent(text string) string { return "  " + strings.ReplaceAll(plainText(text), "\n", "\n  ") }
