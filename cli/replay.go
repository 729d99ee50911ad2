package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/worker"
	"github.com/rulebridge/rulebridge/workflows"
)

func (p Program) replayCommand() *cobra.Command {
	var runID, save string
	c := &cobra.Command{
		Use:   "replay HISTORY.json|WORKFLOW_ID",
		Short: "Replay a migration's history with the current code and show where it diverges",
		Long: `Replay a recorded history with this program's workflow code. The history is a JSON file, as the Temporal UI and
"temporal workflow show --output json" give it, or is fetched by workflow id, or by migration id: from the Temporal server
(TEMPORAL_ADDRESS, or the setting temporal.addr), or, where no server is named, with --data-dir from a data folder that no process is using. Exit code 1 when the code would decide differently than the history.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := p.load(c)
			if err != nil {
				return err
			}
			h, err := p.history(c.Context(), cfg, args[0], runID)
			if err != nil {
				return err
			}
			if save != "" {
				if err := saveHistory(save, h); err != nil {
					return err
				}
			}
			return p.replay(cfg, args[0], h)
		},
	}
	config.Flags(c.Flags())
	c.Flags().StringVar(&runID, "run-id", "", "run to fetch (default: the latest)")
	c.Flags().StringVar(&save, "save", "", "write the history to this JSON file as well")
	return c
}

// history reads a file if there is one of that name, and asks the server otherwise.
func (p Program) history(ctx context.Context, cfg config.Config, name, runID string) (*historypb.History, error) {
	f, err := os.Open(name)
	switch {
	case err == nil:
		defer func() { _ = f.Close() }()
		h, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
		if err != nil {
			return nil, usage(fmt.Errorf("%s is no workflow history: %w", name, err))
		}
		return h, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, usage(err)
	}
	if strings.HasSuffix(name, ".json") {
		return nil, usage(fmt.Errorf("there is no file %s", name))
	}
	o, stop, err := p.keptHistories(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer stop()
	c, err := worker.Dial(ctx, o, zap.NewNop())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ids := []string{name}
	if !strings.HasPrefix(name, workflows.WorkflowID("")) {
		ids = append(ids, workflows.WorkflowID(name))
	}
	var last error
	for _, id := range ids {
		h := &historypb.History{}
		it := c.GetWorkflowHistory(ctx, id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		last = nil
		for it.HasNext() {
			event, err := it.Next()
			if err != nil {
				last = err
				break
			}
			h.Events = append(h.Events, event)
		}
		if last == nil {
			return h, nil
		}
	}
	return nil, fmt.Errorf("fetch the history of %s from %s: %w", name, o.HostPort, last)
}

// keptHistories says how the Temporal server with the histories is reached. A data folder's own server is started for it,
// until stop; no worker runs, so nothing goes on in there.
func (p Program) keptHistories(ctx context.Context, cfg config.Config) (o client.Options, stop func(), err error) {
	stop = func() {}
	if cfg.Source("data_dir") == "default" || p.Embedded == nil || p.namesServer(cfg) {
		o, err = worker.ClusterOptions(cfg.Temporal, p.Env)
		return o, stop, usage(err)
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, app.TemporalFile)); err != nil {
		return o, stop, usage(fmt.Errorf("data folder %s: %w; name another with --data-dir", cfg.DataDir, app.ErrNoData))
	}
	dir, release, err := app.OpenAlone(cfg.DataDir)
	if err != nil {
		return o, stop, startError(err)
	}
	s, err := p.Embedded(ctx, app.EmbeddedOptions{DataDir: dir, FrontendAddr: "127.0.0.1:0", Namespace: cfg.Temporal.Namespace, Logger: p.logger(cfg, logCommand)})
	if err != nil {
		return o, stop, errors.Join(err, release())
	}
	stop = func() {
		_ = s.Stop() // only read
		_ = release()
	}
	return client.Options{HostPort: s.FrontendAddr(), Namespace: cfg.Temporal.Namespace}, stop, nil
}

// namesServer says whether a Temporal server is named: the histories are there then, whatever else lies in the data folder.
func (p Program) namesServer(cfg config.Config) bool {
	return cfg.Source("temporal.addr") != "default" || slices.ContainsFunc(p.Env, func(v string) bool {
		name, value, _ := strings.Cut(v, "=")
		return value != "" && (name == "TEMPORAL_ADDRESS" || name == "TEMPORAL_CONFIG_FILE" || name == "TEMPORAL_PROFILE")
	})
}

func saveHistory(path string, h *historypb.History) error {
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode the history: %w", err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return usage(fmt.Errorf("--save: %w", err))
	}
	return nil
}

// replay runs the workflow code over the history.
func (p Program) replay(cfg config.Config, name string, h *historypb.History) error {
	if len(h.GetEvents()) == 0 {
		return usagef("%s holds no events", name)
	}
	ro := sdkworker.WorkflowReplayerOptions{
		DisableDeadlockDetection: true, Interceptors: []interceptor.WorkerInterceptor{workflows.Interceptor()},
	}
	var o client.Options
	ring, err := worker.Encrypt(&o, cfg.Codec)
	if err != nil {
		return usage(err)
	}
	if ring != nil {
		ro.DataConverter, ro.FailureConverter = o.DataConverter, o.FailureConverter
	}
	r, err := sdkworker.NewWorkflowReplayerWithOptions(ro)
	if err != nil {
		return fmt.Errorf("prepare the replay: %w", err)
	}
	workflows.Register(r)
	if err := r.ReplayWorkflowHistory(worker.NewLogger(zap.NewNop()), h); err != nil {
		p.printDivergence(h, err)
		return fmt.Errorf("%s: the current code diverges from the history", name)
	}
	_, err = fmt.Fprintf(p.Stdout, "%s: %d events replayed, no divergence\n", name, len(h.GetEvents()))
	return err
}

var activityName = regexp.MustCompile(`ActivityType:\(Name:(\w+)\)`)

// inShort is the kind of an event or command with the activity it is about.
func inShort(s string) string {
	kind, _, _ := strings.Cut(s, ":")
	if m := activityName.FindStringSubmatch(s); m != nil {
		kind += " " + m[1]
	}
	return kind
}

var activityID = regexp.MustCompile(`ActivityId:(\d+)|TimerId:(\d+)`)

// printDivergence says what the history has, what the code would do, and shows the events around the place.
func (p Program) printDivergence(h *historypb.History, err error) {
	c := paint(p.colours(p.Stdout))
	msg := err.Error()
	fromHistory, fromCode, found := strings.Cut(msg, ", replay command is ")
	_, fromHistory, _ = strings.Cut(fromHistory, "history event is ")
	if !found {
		_, _ = fmt.Fprintln(p.Stdout, c.in(red, msg))
	} else {
		_, _ = fmt.Fprintf(p.Stdout, "history  %s\ncode     %s\n\n%s\n%s\n", c.in(green, inShort(fromHistory)), c.in(red, inShort(fromCode)),
			c.in(dim, "history event: "+fromHistory), c.in(dim, "replay command: "+fromCode))
	}
	// The ids of activities and timers are those of the events that schedule them.
	m := activityID.FindStringSubmatch(msg)
	if m == nil {
		return
	}
	at, _ := strconv.Atoi(m[1] + m[2])
	for _, e := range h.GetEvents() {
		if d := int(e.GetEventId()) - at; d < -4 || d > 4 {
			continue
		}
		mark := "  "
		if int(e.GetEventId()) == at {
			mark = "▶ "
		}
		what := e.GetEventType().String()
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
			what += " " + a.GetActivityType().GetName()
		}
		_, _ = fmt.Fprintf(p.Stdout, "%s%6d  %s\n", mark, e.GetEventId(), what)
	}
}
