package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// authority is a certificate authority of a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate, PEM
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.key = key
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a certificate for 127.0.0.1 and writes it and its key beside the authority's.
func (a *authority) issue(name string, serial int64) (certFile, keyFile string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", der), a.write(name+".key", "PRIVATE KEY", pkcs)
}

// guarded stands before a Temporal server as a cloud's front door does: TLS with client certificates, an API key and the
// namespace in every call. It returns its address and how many calls it let through.
func (a *authority) guarded(addr, apiKey, namespace string) (front string, passed *atomic.Int64) {
	a.t.Helper()
	passed = new(atomic.Int64)
	plain := new(http.Transport)
	plain.Protocols = new(http.Protocols)
	plain.Protocols.SetUnencryptedHTTP2(true)
	a.t.Cleanup(plain.CloseIdleConnections)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	proxy.Transport, proxy.FlushInterval, proxy.ErrorLog = plain, -1, log.New(new(output), "", 0) // polls that a client gave up
	certFile, keyFile := a.issue("front", 2)
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		a.t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(a.cert)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Health and GetSystemInfo come before the namespace is known.
		ns := r.Header.Get("temporal-namespace")
		if r.Header.Get("Authorization") != "Bearer "+apiKey || ns != "" && ns != namespace {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", "16")
			w.Header().Set("Grpc-Message", "the front door refuses this key")
			return
		}
		passed.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(new(output), "", 0) // refused handshakes are what the test is about
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	a.t.Cleanup(s.CloseClientConnections)
	return s.Listener.Addr().String(), passed
}

// TestTemporalTLS runs set-up, worker and gateway against a Temporal server behind TLS, client certificates and an API
// key, all given by Temporal's own environment variables; a wrong key and a wrong authority are refused with a reason.
func TestTemporalTLS(t *testing.T) {
	const n, apiKey = 20, "front-door-key"
	a := newAuthority(t)
	certFile, keyFile := a.issue("rulebridge", 3)
	c := newCluster(t, config(t, "10ms"))
	front, passed := a.guarded(c.addr, apiKey, "default")
	c.addr = front
	right := []string{
		"TEMPORAL_NAMESPACE=default", "TEMPORAL_API_KEY=" + apiKey, "TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + a.file,
		"TEMPORAL_TLS_CLIENT_CERT_PATH=" + certFile, "TEMPORAL_TLS_CLIENT_KEY_PATH=" + keyFile,
	}
	with := func(more ...string) []string { return append(append([]string{}, right...), more...) }

	c.env = right
	c.setup()
	w, g := c.worker(), c.gateway()
	id := g.create(n)
	g.begin(id, "sim")
	g.finished(id, n, 60*time.Second)
	if passed.Load() == 0 {
		t.Error("no call came through the front door")
	}
	if code, body := get(t, w.health+"/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}

	stranger := newAuthority(t)
	for _, refused := range []struct {
		name string
		env  []string
		says string
	}{
		{"wrong key", with("TEMPORAL_API_KEY=stolen"), "check TEMPORAL_API_KEY"},
		{"unknown authority", with("TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + stranger.file), "check TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
		{"no client certificate", with("TEMPORAL_TLS_CLIENT_CERT_PATH=", "TEMPORAL_TLS_CLIENT_KEY_PATH="), "set TEMPORAL_TLS_CLIENT_CERT_PATH"},
		{"no such file", with("TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + filepath.Join(t.TempDir(), "none.pem")), "none.pem"},
	} {
		t.Run(refused.name, func(t *testing.T) {
			c := &cluster{t: t, dir: c.dir, addr: c.addr, cfg: c.cfg, env: refused.env}
			p := c.start("setup")
			if code := p.wait(90 * time.Second); code == 0 {
				t.Error("setup was let in")
			}
			said := p.stderr.String()
			if !strings.Contains(said, refused.says) {
				t.Errorf("it says %q; want something about %q", said, refused.says)
			}
			if strings.Contains(said, apiKey) || strings.Contains(said, "stolen") {
				t.Errorf("the key is in the message: %s", said)
			}
		})
	}
}
