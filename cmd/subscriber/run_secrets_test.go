package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// mainVariable makes a process of the test binary the command itself: what a
// process believes of certificates and proxies it reads once.
const mainVariable = "SPACEKEEPER_TEST_MAIN"

// canary is in everything that must not leak.
const canary = "c4n4ry"

// echoing is the whole of Google behind a proxy. Whoever is asked for a token
// repeats all that it is sent, in one answer or the other, or gives one, which
// nobody takes.
type echoing struct {
	t     *testing.T
	proxy string // its URL
	trust string // the file with its certificate

	mu      sync.Mutex
	asked   int             // for tokens
	secrets map[string]bool // that came with requests
}

func newEchoing(t *testing.T) *echoing {
	t.Helper()
	g := &echoing{t: t, trust: filepath.Join(t.TempDir(), "ca.pem"), secrets: map[string]bool{canary: true}}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"*.googleapis.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(g.trust, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	google := httptest.NewUnstartedServer(http.HandlerFunc(g.answer))
	google.EnableHTTP2 = true
	google.StartTLS()
	google.TLS.Certificates[0].Certificate, google.TLS.Certificates[0].PrivateKey = [][]byte{der}, key
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		server, err := net.Dial("tcp", google.Listener.Addr().String())
		if err != nil {
			client.Close()
			return
		}
		fmt.Fprint(client, "HTTP/1.1 200 OK\r\n\r\n")
		go pass(client, server)
		go pass(server, client)
	}))
	g.proxy = proxy.URL
	t.Cleanup(google.Close)
	t.Cleanup(proxy.Close)
	return g
}

func (g *echoing) answer(w http.ResponseWriter, r *http.Request) {
	sent, err := httputil.DumpRequest(r, true)
	if err != nil {
		return // who asked has gone
	}
	w.Header().Set("Content-Type", "application/json")
	switch path := r.URL.Path; {
	case r.Header.Get("Content-Type") == "application/grpc":
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "16")
	case !strings.HasSuffix(path, "/token") && !strings.HasSuffix(path, ":signJwt") && !strings.HasSuffix(path, ":generateAccessToken"):
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error": {"code": 401, "status": "UNAUTHENTICATED"}}`)
	default:
		_, body, _ := bytes.Cut(sent, []byte("\r\n\r\n"))
		r.Body = io.NopCloser(bytes.NewReader(body))
		g.mu.Lock()
		n := g.asked
		g.asked++
		for _, field := range []string{"assertion", "subject_token"} {
			if secret := r.FormValue(field); secret != "" {
				_, signed, _ := strings.Cut(secret, ".") // what all have in common is none
				claims, signature, _ := strings.Cut(signed, ".")
				for _, part := range []string{secret, claims, signature} {
					if part != "" {
						g.secrets[part] = true
					}
				}
			}
		}
		g.mu.Unlock()
		echo, err := json.Marshal(string(sent))
		if err != nil {
			g.t.Error(err)
		}
		answers := []struct {
			status int
			body   string
		}{
			{400, `{"error": "invalid_grant", "error_description": ECHO, "error_uri": ECHO, "error_subtype": ECHO}`},
			{200, `{"access_token": "TOKEN", "accessToken": "TOKEN", "token_type": "Bearer", "expires_in": 3600, "expireTime": "2100-01-01T00:00:00Z"}`},
			{403, `{"error": {"status": ECHO, "message": ECHO}}`},
			{200, `{"access_token": "TOKEN", "accessToken": "TOKEN", "token_type": "Bearer", "expires_in": 3600, "expireTime": "2100-01-01T00:00:00Z"}`},
			{401, `{"error": ECHO}`},
			{200, `{"error": ECHO, "access_token": 7, "expires_in": ECHO}`},
			{503, `ECHO`}, {403, `ECHO`},
		}
		a := answers[n%len(answers)]
		w.WriteHeader(a.status)
		fmt.Fprint(w, strings.NewReplacer("ECHO", string(echo), "TOKEN", fmt.Sprint(canary, "-token-", n)).Replace(a.body))
	}
}

// leaked names a secret that a text holds; "" if it holds none.
func (g *echoing) leaked(text string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	for secret := range g.secrets {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}

func (g *echoing) requests() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

// file writes credentials, of which all that is secret holds the canary, or is
// known to the endpoint that gets it.
func (g *echoing) file(name, content string) string {
	g.t.Helper()
	path := filepath.Join(g.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}

// Whatever a token endpoint repeats of what it is sent, neither the log nor the
// health answers nor healthcheck show it: in every mode, with every kind of
// credentials, from the configuration and by default.
func TestNoOutputShowsSecrets(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere a process can't be told whom to trust")
	}
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	const account = "keeper@my-project.iam.gserviceaccount.com"
	consent := fmt.Sprintf(`{"type": "authorized_user", "client_id": "7", "client_secret": "%s-client", "refresh_token": "%s-refresh"}`, canary, canary)
	kinds := map[string]string{
		"key": fmt.Sprintf(`{"type": "service_account", "project_id": "my-project", "client_id": "1042", "client_email": %q, "private_key_id": "1",
			"private_key": %q, "token_uri": "https://oauth2.googleapis.com/token"}`, account, private),
		"impersonation": fmt.Sprintf(`{"type": "impersonated_service_account", "source_credentials": %s,
			"service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/%s:generateAccessToken"}`, consent, account),
		"pool": fmt.Sprintf(`{"type": "external_account", "token_url": "https://sts.googleapis.com/v1/token",
			"audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/site/providers/oidc",
			"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": {"file": %q},
			"service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/%s:generateAccessToken"}`,
			"SUBJECT", account),
	}
	for mode, settings := range map[string]environ{
		"app":         {},
		"user":        {"SPACEKEEPER_AUTH_TOKEN_FILE": consent},
		"impersonate": {"SPACEKEEPER_AUTH_SUBJECT": canary + "@example.com"},
	} {
		for kind, credentials := range kinds {
			ways := []string{"SPACEKEEPER_AUTH_CREDENTIALS_FILE", "GOOGLE_APPLICATION_CREDENTIALS"}
			if !storetest.Full() { // one is enough, now this, now that
				ways = ways[(len(mode)+len(kind))%2:][:1]
			}
			for _, by := range ways {
				t.Run(mode+" "+kind+" "+by, func(t *testing.T) {
					t.Parallel()
					g := newEchoing(t)
					env := environ{
						"SPACEKEEPER_PROJECT": "my-project", "SPACEKEEPER_PUBSUB_SUBSCRIPTION": subscriptionID, "SPACEKEEPER_PUBSUB_TOPIC": topicID,
						"SPACEKEEPER_WORKSPACE_SPACES": "spaces/AAQA", "SPACEKEEPER_DATABASE_DSN": migratedDatabase(t),
						"SPACEKEEPER_HEALTH_ADDR": "127.0.0.1:0", "SPACEKEEPER_AUTH_MODE": mode, "SPACEKEEPER_LOG_LEVEL": "debug",
						"HTTPS_PROXY": g.proxy, "SSL_CERT_FILE": g.trust, "SSL_CERT_DIR": t.TempDir(), "HOME": t.TempDir(), mainVariable: "1",
						by: g.file("credentials.json", strings.ReplaceAll(credentials, "SUBJECT", g.file("subject", canary+"-subject"))),
					}
					for name, value := range settings {
						if strings.HasSuffix(name, "_FILE") {
							value = g.file("consent.json", value)
						}
						env[name] = value
					}
					showsNoSecrets(t, g, env)
				})
			}
		}
	}
}

func showsNoSecrets(t *testing.T, g *echoing, env environ) {
	cmd := exec.Command(os.Args[0], "run") //nolint:gosec // this binary
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	p := &process{done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var stop sync.Once
	p.cancel = func() {
		stop.Do(func() {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		})
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // the code says it
		p.code = cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("exit code %d\n%s", p.code, p.stderr.String())
		}
	})
	addr := healthAddr(t, p)
	var seen []string
	eventually(t, p, "the worker says that it gets no token, again and again", func() bool {
		_, ready := get(t, "http://"+addr+"/-/ready")
		_, healthy := get(t, "http://"+addr+"/-/healthy")
		_, metrics := get(t, "http://"+addr+"/metrics")
		_, stdout, stderr := call(t, env.with("SPACEKEEPER_HEALTH_ADDR", addr), "healthcheck")
		seen = append(seen, ready, healthy, metrics, stdout, stderr)
		return g.requests() > 8 && slices.ContainsFunc(seen, func(s string) bool { return strings.Contains(s, "access token") })
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
	log := p.stderr.String()
	if !strings.Contains(log, "access token") {
		t.Error("the log doesn't say that there is no token")
	}
	for _, text := range append(seen, log, p.stdout.String()) {
		if secret := g.leaked(text); secret != "" {
			t.Errorf("%q is in\n%s", secret, text)
		}
	}
}
