package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/config"
)

func (p Program) healthCommand() *cobra.Command {
	var ofWorker bool
	c := &cobra.Command{
		Use:   "health [URL]",
		Short: "Ask a gateway or worker whether it is ready, for health checks of containers",
		Long: `Ask the gateway of this machine, where http.addr and http.base_path say that it is, and print the answer; with --worker
the worker at worker.health_addr. The settings are read as api and worker read them. With a URL, such as
http://127.0.0.1:8080/soc/rulebridge/readyz, that is asked and no setting is read. Exit code 0 when it is ready, 1 when it is
not or does not answer within five seconds.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var url string
			switch {
			case len(args) > 0 && ofWorker:
				return usagef("--worker says whom to ask already: leave out the URL")
			case len(args) > 0:
				url = args[0]
			default:
				cfg, err := p.load(c)
				if err != nil {
					return err
				}
				if url, err = readyURL(cfg, ofWorker); err != nil {
					return usage(err)
				}
			}
			return p.askReady(c.Context(), url, len(args) == 0)
		},
	}
	c.Flags().String("config", "", "YAML file with settings (or "+config.EnvPrefix+"CONFIG)")
	c.Flags().BoolVar(&ofWorker, "worker", false, "ask the worker of this machine")
	return c
}

// readyURL is where a process of this machine says whether it is ready. One that listens on every address is asked on the
// loopback one.
func readyURL(cfg config.Config, ofWorker bool) (string, error) {
	key, addr, path := "http.addr", cfg.HTTP.Addr, cfg.HTTP.BasePath+"/readyz"
	if ofWorker {
		key, addr, path = "worker.health_addr", cfg.Worker.HealthAddr, "/readyz"
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" || port == "0" {
		return "", fmt.Errorf("%s: %q has no port to ask; give the URL", key, addr)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, port) + path, nil
}

// askReady asks once. Of this machine, the request names a host that every gateway serves.
func (p Program) askReady(ctx context.Context, url string, here bool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return usage(err)
	}
	if here {
		r.Host = "localhost"
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(p.Stdout, io.LimitReader(resp.Body, 64<<10)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
