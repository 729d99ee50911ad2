// Package embedded runs a Temporal server and its Web UI inside this process, on loopback, over one SQLite file or in
// memory. Linking it costs minutes and megabytes: only main imports it, and the build tag "production" leaves it out.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Options say where the server listens and keeps its data.
type Options struct {
	// DataDir holds temporal.db; empty keeps everything in memory.
	DataDir string
	// FrontendAddr is the gRPC address clients and workers use, UIAddr that of the Web UI; both host:port, port 0 picks a
	// free one. An empty UIAddr serves no UI.
	FrontendAddr, UIAddr string
	// Namespace is created with Keyword search attributes of the given names.
	Namespace        string
	SearchAttributes []string
	Logger           *zap.Logger
	// Guard wraps the UI's handler: the host and access check stands in front of everything the UI serves.
	Guard func(http.Handler) http.Handler
}

// Server is a running Temporal server.
type Server struct {
	temporal temporal.Server
	ui       *uiServer
	frontend string
	setAside string
}

// clusterName names the one cluster an embedded server knows.
const clusterName = "rulebridge"

// retention is how long closed workflows stay visible. The store answers for finished migrations after that.
const retention = 30 * 24 * time.Hour

// Start starts the server and returns once it answers for the namespace. A database that another server version wrote,
// or that was left half made, is renamed and kept: see SetAside.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	frontend, err := freeAddr(o.FrontendAddr, "Temporal frontend", "--temporal-port")
	if err != nil {
		return nil, err
	}
	var uiListener net.Listener
	if o.UIAddr != "" {
		uiListener, err = listen(o.UIAddr, "Temporal Web UI", "--ui-port")
		if err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				_ = uiListener.Close()
			}
		}()
	}
	db, err := openDatabase(ctx, o)
	if err != nil {
		return nil, err
	}
	cfg, hosts, err := serverConfig(db, frontend)
	if err != nil {
		return nil, err
	}
	if err := db.prepare(cfg, o); err != nil {
		return nil, err
	}
	srv, err := startServer(cfg, hosts, newServerLogger(o.Logger))
	if err != nil {
		return nil, err
	}
	s := &Server{temporal: srv, frontend: frontend, setAside: db.setAside}
	if err := s.waitReady(ctx, o.Namespace); err != nil {
		_ = srv.Stop()
		return nil, err
	}
	if uiListener != nil {
		s.ui, err = startUI(uiListener, o, frontend)
		if err != nil {
			_ = srv.Stop()
			return nil, err
		}
	}
	return s, nil
}

// FrontendAddr is the host:port of the gRPC frontend.
func (s *Server) FrontendAddr() string { return s.frontend }

// UIURL is the Web UI's address, empty without a UI.
func (s *Server) UIURL() string {
	if s.ui == nil {
		return ""
	}
	return s.ui.url
}

// SetAside is the new name of a database that this server version could not use, empty normally. Whoever started the
// server then restarts unfinished work from their own records.
func (s *Server) SetAside() string { return s.setAside }

// Stop stops UI and server and waits for both.
func (s *Server) Stop() error {
	var uiErr error
	if s.ui != nil {
		uiErr = s.ui.stop()
	}
	if err := s.temporal.Stop(); err != nil {
		return fmt.Errorf("stop Temporal: %w", err)
	}
	return uiErr
}

// startServer builds and starts the four services. The server's own way to report a fatal problem ends the process; our
// logger turns it into a panic, which becomes an error here.
func startServer(cfg *config.Config, hosts map[primitives.ServiceName]static.Hosts, logger *serverLogger) (srv temporal.Server, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, ok := p.(fatal)
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("start the embedded Temporal server: %s", string(f))
		}
	}()
	srv, err = temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithNamespaceLogger(logger),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithDynamicConfigClient(dynamicConfig()),
	)
	if err != nil {
		return nil, fmt.Errorf("build the embedded Temporal server: %w", err)
	}
	if err := srv.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded Temporal server: %w", err)
	}
	return srv, nil
}

// waitReady asks for the namespace until the frontend knows it.
func (s *Server) waitReady(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := grpc.NewClient(s.frontend, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect to the embedded Temporal server on %s: %w", s.frontend, err)
	}
	defer func() { _ = conn.Close() }()
	client := workflowservice.NewWorkflowServiceClient(conn)
	for {
		_, err := client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace}, grpc.WaitForReady(true))
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the embedded Temporal server on %s did not become ready: %w (last answer: %v)", s.frontend, ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// serverConfig is four services on loopback over one SQLite database.
func serverConfig(db *database, frontend string) (*config.Config, map[primitives.ServiceName]static.Hosts, error) {
	host, portText, err := net.SplitHostPort(frontend)
	if err != nil {
		return nil, nil, fmt.Errorf("address %q: %w", frontend, err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, nil, fmt.Errorf("address %q: %w", frontend, err)
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, nil, err
	}
	services := map[string]config.Service{}
	hosts := map[primitives.ServiceName]static.Hosts{}
	add := func(name primitives.ServiceName, ip string, port int) {
		services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: ip}}
		hosts[name] = static.SingleLocalHost(net.JoinHostPort(ip, strconv.Itoa(port)))
	}
	add(primitives.FrontendService, host, port)
	add(primitives.HistoryService, loopback, ports[0])
	add(primitives.MatchingService, loopback, ports[1])
	add(primitives.WorkerService, loopback, ports[2])

	cfg := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     sqliteplugin.PluginName,
			VisibilityStore:  sqliteplugin.PluginName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{sqliteplugin.PluginName: {SQL: db.sql}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             frontend,
				ClusterID:              db.stamp.ClusterID,
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		Archival: config.Archival{
			History:    config.HistoryArchival{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
	return cfg, hosts, nil
}

// createNamespace writes the namespace and its search attributes before the server runs, so that it starts knowing them.
func createNamespace(cfg *config.Config, o Options) error {
	attributes := map[string]enumspb.IndexedValueType{}
	for _, name := range o.SearchAttributes {
		attributes[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	ns, err := sqlite.NewNamespaceConfig(clusterName, o.Namespace, false, attributes)
	if err != nil {
		return fmt.Errorf("namespace %s: %w", o.Namespace, err)
	}
	ns.Detail.Config.Retention = durationpb.New(retention)
	if err := sqlite.CreateNamespaces(cfg.Persistence.DataStores[sqliteplugin.PluginName].SQL, ns); err != nil {
		return fmt.Errorf("create namespace %s: %w", o.Namespace, err)
	}
	return nil
}

const loopback = "127.0.0.1"

// PortBusyError says that something else listens where we were told to.
type PortBusyError struct {
	Addr, What, Flag string
	Err              error
}

func (e *PortBusyError) Error() string {
	return fmt.Sprintf("the %s cannot listen on %s: %v; stop what uses that port or choose another with %s", e.What, e.Addr, e.Err, e.Flag)
}

func (e *PortBusyError) Unwrap() error { return e.Err }

func listen(addr, what, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, &PortBusyError{Addr: addr, What: what, Flag: flag, Err: err}
	}
	return l, nil
}

// freeAddr checks that addr can be listened on and replaces port 0 by a free one. The server opens its own listener a
// moment later: a port taken in between is reported by it.
func freeAddr(addr, what, flag string) (string, error) {
	l, err := listen(addr, what, flag)
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func freePorts(n int) ([]int, error) {
	var ports []int
	var listeners []net.Listener
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free loopback port: %w", err)
		}
		listeners = append(listeners, l)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
