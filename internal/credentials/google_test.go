package credentials

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	account = "keeper@my-project.iam.gserviceaccount.com"
	subject = "person@example.com"
	secret  = "hunter2" // in everything that must not leak
)

func TestMain(m *testing.M) {
	// No credentials of this machine are to be found, but those that a test names.
	for name, value := range map[string]string{
		"HOME": os.TempDir() + "/nobody", "CLOUDSDK_CONFIG": "", "GOOGLE_APPLICATION_CREDENTIALS": "", "GCE_METADATA_HOST": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	// Started by an init function below the API clients; never ends.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// google is the token service, IAM, the metadata server and an API, in process.
type google struct {
	t   *testing.T
	url *url.URL
	key *rsa.PrivateKey // of the service account

	mu     sync.Mutex
	refuse map[string]answer // by path: what it answers instead
	tokens map[string]grant  // by token
	asked  []string          // requests, as "host/path"
	sent   []string          // request bodies: none may show up anywhere

	machine string // the scopes of the machine's tokens; "" for those that are asked for
}

type answer struct {
	status int
	body   string // ECHO stands for what was sent
}

// grant is what a token stands for.
type grant struct{ who, scopes string }

var accountKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func start(t *testing.T) *google {
	t.Helper()
	key, err := accountKey()
	if err != nil {
		t.Fatal(err)
	}
	g := &google{t: t, key: key, refuse: map[string]answer{}, tokens: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", g.token)
	mux.HandleFunc("POST /v1/projects/-/serviceAccounts/{call}", g.iam)
	mux.HandleFunc("GET /computeMetadata/v1/{path...}", g.metadata)
	mux.HandleFunc("GET /subject", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, secret+"-subject") })
	mux.HandleFunc("/whoami", g.whoami)
	mux.HandleFunc("POST /tokeninfo", func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		fmt.Fprintf(w, `{"scope": %q}`, g.tokens[r.PostFormValue("access_token")].scopes)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		g.mu.Lock()
		g.asked = append(g.asked, r.Header.Get("X-Test-Host")+r.URL.Path)
		if ours := strings.HasPrefix(r.Header.Get("User-Agent"), "spacekeeper/"); !ours && r.Header.Get("X-Test-Host") != "" {
			t.Errorf("%s was asked by %q, want our name first", r.URL.Path, r.Header.Get("User-Agent"))
		}
		if len(body) > 0 {
			g.sent = append(g.sent, string(body))
		}
		a, refused := g.refuse[r.URL.Path[strings.LastIndexAny(r.URL.Path, ":/"):]]
		g.mu.Unlock()
		if refused {
			echo, err := json.Marshal(string(body) + secret)
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(a.status)
			fmt.Fprint(w, strings.ReplaceAll(a.body, "ECHO", string(echo)))
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	if g.url, err = url.Parse(server.URL); err != nil {
		t.Fatal(err)
	}
	return g
}

// RoundTrip takes requests for any of Google's hosts to the server.
func (g *google) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Test-Host", req.URL.Host)
	req.URL.Scheme, req.URL.Host = g.url.Scheme, g.url.Host
	return http.DefaultTransport.RoundTrip(req)
}

func (g *google) issue(w http.ResponseWriter, field string, who, scopes string) {
	g.mu.Lock()
	token := fmt.Sprintf("%s-token-%d", secret, len(g.tokens))
	g.tokens[token] = grant{who, scopes}
	g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{%q: %q, "token_type": "Bearer", "expires_in": 3600, "expireTime": %q}`, field, token, time.Now().Add(time.Hour).Format(time.RFC3339))
}

func (g *google) token(w http.ResponseWriter, r *http.Request) {
	switch grantType := r.PostFormValue("grant_type"); grantType {
	case "refresh_token":
		if r.PostFormValue("client_secret") != secret+"-client" || !strings.HasPrefix(r.PostFormValue("refresh_token"), secret+"-refresh") {
			http.Error(w, `{"error": "invalid_grant"}`, http.StatusBadRequest)
			return
		}
		g.issue(w, "access_token", "user by "+r.PostFormValue("refresh_token"), r.PostFormValue("scope"))
	case "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion":
		c, err := g.verify(r.PostFormValue("assertion"))
		if err != nil {
			http.Error(w, `{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}`, http.StatusBadRequest)
			return
		}
		who := c.Iss
		if c.Sub != "" {
			who += " for " + c.Sub
		}
		g.issue(w, "access_token", who, c.Scope)
	case "urn:ietf:params:oauth:grant-type:token-exchange":
		g.issue(w, "access_token", "pool by "+r.PostFormValue("subject_token"), r.PostFormValue("scope"))
	default:
		g.t.Errorf("unknown grant type %q", grantType)
	}
}

type claims struct {
	Iss, Sub, Scope, Aud string
	Iat, Exp             int64
}

func (g *google) verify(jwt string) (claims, error) {
	var c claims
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return c, fmt.Errorf("%d parts", len(parts))
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return c, err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&g.key.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
		return c, err
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return c, err
	}
	now := time.Now().Unix()
	if c.Aud != "https://oauth2.googleapis.com/token" && c.Aud != g.url.String()+"/token" || c.Iat > now+60 || c.Exp < now || c.Exp-c.Iat > 3660 {
		return c, fmt.Errorf("wrong audience or time: %+v", c)
	}
	return c, nil
}

// iam signs for the service account, and gives tokens of it, to itself and to
// the person who may.
func (g *google) iam(w http.ResponseWriter, r *http.Request) {
	caller := g.caller(r)
	if caller.who == "" {
		http.Error(w, `{"error": {"status": "UNAUTHENTICATED"}}`, http.StatusUnauthorized)
		return
	}
	name, call, _ := strings.Cut(r.PathValue("call"), ":")
	if call == "generateAccessToken" {
		var in struct{ Scope []string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			g.t.Error(err)
		}
		g.issue(w, "accessToken", name, strings.Join(in.Scope, " "))
		return
	}
	var in struct{ Payload string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		g.t.Error(err)
	}
	if caller.who != name || !strings.Contains(caller.scopes, cloudPlatform) {
		http.Error(w, `{"error": {"status": "PERMISSION_DENIED"}}`, http.StatusForbidden)
		return
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`))
	unsigned := head + "." + base64.RawURLEncoding.EncodeToString([]byte(in.Payload))
	sum := sha256.Sum256([]byte(unsigned))
	signature, err := rsa.SignPKCS1v15(rand.Reader, g.key, crypto.SHA256, sum[:])
	if err != nil {
		g.t.Error(err)
	}
	fmt.Fprintf(w, `{"keyId": "1", "signedJwt": %q}`, unsigned+"."+base64.RawURLEncoding.EncodeToString(signature))
}

func (g *google) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	switch r.PathValue("path") {
	case "instance/service-accounts/default/email":
		fmt.Fprint(w, account)
	case "instance/service-accounts/default/token":
		scopes := g.machine
		if scopes == "" {
			scopes = strings.ReplaceAll(r.FormValue("scopes"), ",", " ")
		}
		g.issue(w, "access_token", account, scopes)
	default:
		http.NotFound(w, r)
	}
}

func (g *google) caller(r *http.Request) grant {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
}

func (g *google) whoami(w http.ResponseWriter, r *http.Request) {
	c := g.caller(r)
	if c.who == "" && r.Header.Get("Authorization") != "" {
		http.Error(w, r.Header.Get("Authorization"), http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		g.t.Error(err)
	}
	fmt.Fprintf(w, "%s [%s]%s", c.who, c.scopes, body)
}

// revoke makes Google refuse every token that it gave.
func (g *google) revoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for token := range g.tokens {
		g.tokens[token] = grant{}
	}
}

// count is how often a path was asked for.
func (g *google) count(path string) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, asked := range g.asked {
		if strings.HasSuffix(asked, path) {
			n++
		}
	}
	return n
}

// write puts a file into the test's folder.
func (g *google) write(name, content string) string {
	g.t.Helper()
	path := filepath.Join(g.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}

func (g *google) serviceAccountKey() string {
	der, err := x509.MarshalPKCS8PrivateKey(g.key)
	if err != nil {
		g.t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return g.write("key.json", fmt.Sprintf(`{"type": "service_account", "project_id": "my-project", "client_id": "1042", "client_email": %q,
		"private_key_id": "1", "private_key": %q, "token_uri": "https://oauth2.googleapis.com/token"}`, account, text))
}

func (g *google) consent() string {
	return g.write("consent.json", fmt.Sprintf(`{"type": "authorized_user", "client_id": "7.apps.googleusercontent.com",
		"client_secret": "%s-client", "refresh_token": "%s-refresh"}`, secret, secret))
}

// impersonation is what gcloud writes for --impersonate-service-account.
func (g *google) impersonation() string {
	return g.write("impersonation.json", fmt.Sprintf(`{"type": "impersonated_service_account",
		"service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/%s:generateAccessToken",
		"source_credentials": {"type": "authorized_user", "client_id": "7", "client_secret": "%s-client", "refresh_token": "%s-refresh"}}`,
		account, secret, secret))
}

// pool is a workload identity that acts for the service account, or for itself.
func (g *google) pool(actsFor string) string {
	if actsFor != "" {
		actsFor = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" + actsFor + ":generateAccessToken"
	}
	return g.write("pool.json", fmt.Sprintf(`{"type": "external_account",
		"audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/site/providers/oidc",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/token",
		"service_account_impersonation_url": %q, "credential_source": {"url": "http://metadata.example/subject"}}`, actsFor))
}
